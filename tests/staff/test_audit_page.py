"""The audit log is read by who, what, whom and when; only administrators see all of it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from flask import Flask

import notifyhub
from notifyhub import audit, labels
from notifyhub.database import transaction
from notifyhub.signins import sessions
from tests.browserless import Browser
from tests.builders import account, draft
from tests.conftest import Api
from tests.staff.test_account_pages import text_of


@pytest.fixture
def admin(app: Flask) -> Browser:
    return Browser(app).as_staff("admin", email="ada@staff.example")


def record(actor: str, action: str, account_id: int | None = None, **details: object) -> None:
    with transaction() as session, audit.as_author(audit.Author(actor, "192.0.2.55")):
        audit.record(session, action, f"account:{account_id}" if account_id else "test:1", account_id, **details)


def rows(page: str) -> int:
    return page.count('<td class="when">')


def test_an_entry_says_who_what_whom_when_and_from_where(api: Api, admin: Browser) -> None:
    api.put("/v1/accounts/C-1", account())
    record("key:7 billing", "muted.changed", 1, muted=["news"])
    page = text_of(admin.get("/staff/audit").text)
    for expected in ("billing192.0.2.55", "Muted kinds changed · One Ltd C-1", "muted: News"):
        assert expected in page, expected


def test_only_administrators_see_it(app: Flask) -> None:
    assert Browser(app).as_staff("ops", "agent", "billing", "abuse").get("/staff/audit").status_code == 403


def test_it_is_narrowed_by_who_did_what_to_whom(api: Api, admin: Browser) -> None:
    for number in (1, 2):
        api.put(f"/v1/accounts/C-{number}", account())
    record("account:2", "muted.changed", 2, muted=[])
    record("command line (root)", "accounts.imported", created=3, updated=0, unchanged=0, rejected_count=0)
    for query, count in (
        ("actor=bootstrap+key", 2),
        ("actor=C-2", 1),
        ("actor=command+line+(root)", 1),
        ("actor=Olivia", 1),
        ("action=account.created", 2),
        ("action=account.created&account=C-2", 1),
        ("account=C-2", 2),
        ("actor=system", 0),
    ):
        assert rows(admin.get(f"/staff/audit?{query}").text) == count, query


@pytest.mark.parametrize(("query", "count"), [("from=2020-01-01", 1), ("to=2020-01-01", 0), ("from=2020-01-01&to=2199-12-31", 1)])
def test_it_is_narrowed_by_day(admin: Browser, query: str, count: int) -> None:
    assert rows(admin.get(f"/staff/audit?{query}").text) == count  # that the administrator signed in


@pytest.mark.parametrize(
    "query", ["actor=nobody", "action=nothing", "account=C-9", "from=yesterday", "to=2026-13-01", "from=0001-01-01", "to=9999-12-31"]
)
def test_a_filter_that_cannot_be_is_refused_beside_its_field(admin: Browser, query: str) -> None:
    answer = admin.get(f"/staff/audit?{query}")
    assert answer.status_code == 422
    assert 'class="wrong"' in answer.text


@pytest.mark.parametrize("cursor", ["x", "", "~", "2026-01-01~1", "2026-01-01T00:00:00+00:00~x"])
def test_a_wrong_cursor_is_refused_with_a_page(admin: Browser, cursor: str) -> None:
    assert admin.get(f"/staff/audit?cursor={cursor}").status_code == 422


def test_all_pages_together_hold_each_entry_once(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifyhub.routes.staff.audit.PAGE", 2)
    for number in range(5):
        record("system", "accounts.imported", created=number)
    seen, path = [], "/staff/audit?actor=system"
    while path:
        page = admin.get(path).text
        seen += re.findall(r"made:</span> <bdi>(\d)</bdi>", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(older[1]) if older else ""
    assert seen == ["4", "3", "2", "1", "0"]


def test_mailboxes_are_named_by_their_addresses_while_they_have_them(api: Api, admin: Browser) -> None:
    api.put("/v1/accounts/C-1", account(send_email={"abuse": [{"email": "abuse@one.example", "state": "verified"}]}))
    api.put("/v1/accounts/C-1", account(send_email={"abuse": []}))
    page = text_of(admin.get("/staff/audit?action=addresses.changed").text)
    assert "removed: abuse@one.example" in page
    assert "category: Abuse" in page
    api.delete("/v1/accounts/C-1")
    page = text_of(admin.get("/staff/audit?action=addresses.changed").text)
    assert "removed: an erased address" in page
    assert "an erased account" in page
    assert "one.example" not in page


def test_an_import_of_many_is_a_number_and_no_list_of_ids(admin: Browser) -> None:
    record("system", "accounts.created", ids=list(range(4000)))
    assert "accounts: 4,000" in text_of(admin.get("/staff/audit").text)


def test_what_was_recorded_is_text(admin: Browser) -> None:
    record("key:1 <script>alert(1)</script>", "key.created", name="<script>alert(2)</script>", scopes=["x" * 5000])
    record("somebody new", "something.new", thing={"a": ["<script>alert(3)</script>"]})
    page = admin.get("/staff/audit").text
    assert "<script>alert" not in page
    assert "something.new" in page


def test_every_action_that_is_recorded_has_its_sentence() -> None:
    root = Path(notifyhub.__file__).parent
    found = {action for path in root.rglob("*.py") for action in re.findall(r'audit\.record\(\s*\w+, "([a-z_.]+)"', path.read_text())}
    found |= {f"sign_in.{action}" for action in re.findall(r'_record\(session, "(\w+)"', Path(sessions.__file__).read_text())}
    assert found <= set(labels.ACTIONS), found - set(labels.ACTIONS)
    assert len(found) > 15


def test_what_was_done_to_an_announcement_says_to_which(api: Api, admin: Browser) -> None:
    id = api.post("/v1/announcements", draft()).json["id"]
    assert "Announcement drafted · Network maintenance" in text_of(admin.get("/staff/audit").text)
    api.delete(f"/v1/announcements/{id}")
    page = text_of(admin.get("/staff/audit").text)
    assert "Draft of an announcement dropped" in page
    assert "Network maintenance" not in page
