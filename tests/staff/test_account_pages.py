"""All there is to know about an account: where its mail goes and why, what it was told, and why something did not arrive."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from notifyhub.database import db, new_id, transaction, utcnow
from notifyhub.models import Account, Delivery, Mailbox, Notification
from tests.browserless import Browser
from tests.builders import account, draft, service
from tests.conftest import Api
from tests.tickets.steps import agent, changed, customer, opened


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app).as_staff("agent")


def publish(api: Api, **changes: Any) -> None:
    id = api.post("/v1/announcements", draft(**changes)).json["id"]
    assert api.post(f"/v1/announcements/{id}/publish").status_code == 200


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page)))


def test_its_page_shows_who_it_is_and_where_its_mail_goes(api: Api, browser: Browser) -> None:
    abuse = [{"email": "abuse@one.example", "state": "verified"}, {"email": "new@one.example"}]
    api.put("/v1/accounts/C-1", account(services=[service(name="vps-9", addresses=["2001:db8::/64"])], send_email={"abuse": abuse}))
    page = text_of(browser.get("/staff/accounts/C-1").text)
    for expected in (
        "One Ltd", "C-1", "owner@one.example", "Europe/Istanbul", "vps-9", "fra1-n1", "2001:db8::/64",
        "abuse@one.example confirmed", "new@one.example waiting for confirmation",
        "Goes to abuse@one.example confirmed address of this category · rule 3",
        "Goes to owner@one.example registered address: none is set for this category · rule 4",
    ):  # fmt: skip
        assert expected in page, expected


def test_why_they_did_not_get_it_is_told_with_the_servers_own_words(api: Api, browser: Browser, work: Callable[[], None]) -> None:
    api.put("/v1/accounts/C-1", account())
    publish(api)
    work()
    with transaction() as session:
        delivery = session.scalars(select(Delivery)).first()
        assert delivery is not None
        delivery.state = "failed"
        delivery.attempts = [{"at": utcnow().isoformat(), "reply": "550 5.1.1 no such user <owner>"}]
    page = browser.get("/staff/accounts/C-1/deliveries?state=failed").text
    assert "550 5.1.1 no such user &lt;owner&gt;" in page
    assert "Network maintenance" in page
    assert "refused" in text_of(page)


def test_deliveries_are_those_of_one_state_where_that_is_asked(api: Api, browser: Browser, work: Callable[[], None]) -> None:
    api.put("/v1/accounts/C-1", account())
    publish(api)
    work()
    assert len(entries(browser.get("/staff/accounts/C-1/deliveries").text)) == 2  # inbox and e-mail
    assert entries(browser.get("/staff/accounts/C-1/deliveries?state=bounced").text) == []
    assert browser.get("/staff/accounts/C-1/deliveries?state=lost").status_code == 422


def entries(page: str) -> list[str]:
    return re.findall(r'<details class="entry">', page)


def test_deliveries_of_all_accounts_are_found_by_address(api: Api, browser: Browser, work: Callable[[], None]) -> None:
    for number in (1, 2):
        api.put(f"/v1/accounts/C-{number}", account(registered_email=f"owner{number}@one.example"))
    publish(api)
    work()
    assert len(entries(browser.get("/staff/deliveries").text)) == 4
    assert len(entries(browser.get("/staff/deliveries?address=OWNER2@one.example").text)) == 1
    assert len(entries(browser.get("/staff/deliveries?account=C-1").text)) == 2
    assert len(entries(browser.get("/staff/deliveries?account=C-1&address=owner1@one.example&state=sent").text)) == 1
    assert entries(browser.get("/staff/deliveries?account=C-99").text) == []
    assert browser.get("/staff/deliveries?address=nonsense").status_code == 422
    assert browser.get("/staff/deliveries?state=lost").status_code == 422


@pytest.mark.parametrize("path", ["/staff/deliveries?", "/staff/accounts/C-1/deliveries?", "/staff/deliveries?address=owner@one.example&"])
def test_the_pages_of_deliveries_together_hold_each_once(
    api: Api, browser: Browser, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    for module in ("accounts", "deliveries"):
        monkeypatch.setattr(f"notifyhub.routes.staff.{module}.PAGE", 2)
    api.put("/v1/accounts/C-1", account())
    for _ in range(4):
        publish(api)
        work()
    seen, url = 0, path
    while url:
        page = browser.get(url).text
        seen += len(entries(page))
        older = re.search(r'rel="next" href="([^"]+)"', page)
        url = unescape(older[1]) if older else ""
    assert seen == (4 if "address" in path else 8)


def test_what_the_customer_was_told_is_shown_in_its_language(api: Api, browser: Browser, work: Callable[[], None]) -> None:
    api.put("/v1/accounts/C-1", account(locale="tr"))
    publish(api, content={"en": {"title": "Works", "body": "Here"}, "tr": {"title": "Bakım", "body": "Metin **kalın**"}})
    work()
    page = browser.get("/staff/accounts/C-1/notifications").text
    assert "Bakım" in page
    assert "<strong>kalın</strong>" in page


def test_ended_services_are_folded_away(api: Api, browser: Browser) -> None:
    stays = service(name="stays")
    api.put("/v1/accounts/C-1", account(services=[stays, service(name="gone-7", addresses=["192.0.2.9"])]))
    api.put("/v1/accounts/C-1", account(services=[stays]))
    page = browser.get("/staff/accounts/C-1").text
    assert "stays" in page
    assert "gone-7" not in page
    assert "1 service that ended" in text_of(page)
    ended = browser.get("/staff/accounts/C-1/services?ended=1").text
    assert "gone-7" in ended
    assert "192.0.2.9" in ended  # whose was it then?
    assert "stays" not in ended


def test_many_services_come_in_pages(api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1", account(services=[service(name=f"s{number}x") for number in range(55)]))
    first = browser.get("/staff/accounts/C-1").text
    assert len(re.findall(r"s\d+x", first)) == 20
    second = browser.get(unescape(re.search(r'rel="next" href="([^"]+)"', first)[1])).text  # type: ignore[index]
    assert len(re.findall(r"s\d+x", second)) == 35


def test_changes_of_an_account_are_on_its_page_for_every_role(api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1", account())
    api.put("/v1/accounts/C-1", account(name="Two Ltd", registered_email="new@one.example"))
    page = text_of(browser.get("/staff/accounts/C-1/changes").text)
    assert "Account changed" in page
    assert "changed: name" in page
    assert "registered address: new@one.example" in page
    assert "registered address before: owner@one.example" in page
    assert "bootstrap key" in page


@pytest.mark.parametrize("path", ["/staff/accounts/C-9", "/staff/accounts/C-9/deliveries", "/staff/accounts/C-1/nothing"])
def test_what_is_not_there_is_a_page_that_says_so(api: Api, browser: Browser, path: str) -> None:
    api.put("/v1/accounts/C-1", account())
    answer = browser.get(path)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"


def test_an_erased_account_is_not_there(api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1", account())
    api.delete("/v1/accounts/C-1")
    assert browser.get("/staff/accounts/C-1").status_code == 404


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "ليلى <b>حداد</b>", "👩‍👩‍👧 & Co.", "{{ 7 * 7 }}"])
def test_a_name_is_text(api: Api, browser: Browser, name: str) -> None:
    api.put("/v1/accounts/C-1", account(name=name, services=[service(name=name, node=name)]))
    for path in ("/staff/accounts", "/staff/accounts/C-1", "/staff/accounts/C-1/services"):
        page = browser.get(path).text
        assert name in unescape(page)
        assert "<script>alert" not in page
        assert "<b>" not in page


def test_a_word_of_5000_characters_breaks_nothing(api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1", account())
    with transaction() as session:
        session.scalars(select(Account)).one().name = "x" * 5000
        session.scalars(select(Mailbox)).first().status_reason = "y" * 5000  # type: ignore[union-attr]
    assert "x" * 5000 in browser.get("/staff/accounts").text
    assert browser.get("/staff/accounts/C-1").status_code == 200


@pytest.mark.parametrize("section", ["notifications", "deliveries", "changes"])
@pytest.mark.parametrize("cursor", ["x", "", "2027-01-01T00:00:00~1", "9999-99-99T00:00:00+00:00~1", "MjAyNy0wMS0wMVQwMDowMDowMCBhYg"])
def test_a_wrong_cursor_is_refused_with_a_page(api: Api, browser: Browser, section: str, cursor: str) -> None:
    api.put("/v1/accounts/C-1", account())
    answer = browser.get(f"/staff/accounts/C-1/{section}?cursor={cursor}")
    assert answer.status_code == 422
    assert "Start again from its first page" in answer.text


def test_a_mail_that_is_in_no_inbox_is_among_the_deliveries(app: Flask, api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1", account())
    with transaction() as session:
        account_id, mailbox = session.scalars(select(Account.id)).one(), session.scalars(select(Mailbox)).one()
        told = Notification(
            id=new_id(), source="sign-in", source_ref="1", revision=1, recipient_key="mailbox:1", account_id=account_id, inbox_rule=None,
            kind="sign_in", category="abuse", lane=0, services=[], data={}, created_at=utcnow(),
        )  # fmt: skip
        session.add(told)
        session.add(
            Delivery(
                id=new_id(), notification_id=told.id, channel="email", mailbox_id=mailbox.id, lane=0, state="queued", rule=0,
                reason="the notification names this address", queued_at=utcnow(), due_at=utcnow(),
            )
        )  # fmt: skip
    db.session.remove()
    page = browser.get("/staff/accounts/C-1/deliveries").text
    assert "Sign-in link" in page
    assert "Next try" in page


def test_the_language_of_a_customer_is_named_in_that_of_the_reader(api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1", account(locale="pt_BR"))
    browser.client.set_cookie("nh_language", "tr")
    assert "Portekizce" in browser.get("/staff/accounts/C-1").text


def test_an_account_that_an_import_made_says_when_it_was_made(app: Flask, api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1", account())
    assert "The account was made" not in browser.get("/staff/accounts/C-1").text  # its own entry says so
    lines = "\n".join(json.dumps(account(external_id=id)) for id in ("C-2", "C-3"))
    api.post("/v1/accounts/import", data=lines, content_type="application/x-ndjson")
    assert "The account was made" in browser.get("/staff/accounts/C-2").text


# --- its tickets


def test_its_tickets_are_listed_newest_first_and_lead_to_the_desk(api: Api, browser: Browser) -> None:
    customer(api)
    customer(api, "C-2", registered_email="two@two.example")
    first, second, theirs = opened(), opened(subject="<i>Again</i>", department="financial"), opened("C-2")
    changed(first, status="resolved", assignee=agent())
    section = part(browser.get("/staff/accounts/C-1").text, "tickets")
    assert section.index(f'href="/staff/tickets/{second.number}"') < section.index(f'href="/staff/tickets/{first.number}"')
    assert f"/staff/tickets/{theirs.number}" not in section
    assert f"#{first.number} The shop is slow resolved Technical issues Assigned to: Ada Agent Opened:" in text_of(section)
    assert "&lt;i&gt;Again&lt;/i&gt;" in section


def part(page: str, name: str) -> str:
    return page.partition(f'<section class="part" id="{name}"')[2].partition("</section>")[0]


def test_an_account_without_tickets_says_so(api: Api, browser: Browser) -> None:
    customer(api)
    assert "This account has opened no ticket." in browser.get("/staff/accounts/C-1/tickets").text


def test_many_tickets_go_on_on_pages_of_their_own(api: Api, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifyhub.routes.staff.accounts.PAGE", 2)
    customer(api)
    numbers = [opened().number for _ in range(5)]
    found, path = [], "/staff/accounts/C-1/tickets"
    while path:
        page = browser.get(path).text
        found += [int(number) for number in re.findall(r'href="/staff/tickets/(\d+)"', page)]
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(following[1]) if following else ""
    assert found == numbers[::-1]


@pytest.mark.parametrize("cursor", ["x", "9" * 40, "2026-01-01T00:00:00+00:00~", "~"])
def test_a_cursor_that_is_none_is_refused(api: Api, browser: Browser, cursor: str) -> None:
    customer(api)
    assert browser.get(f"/staff/accounts/C-1/tickets?cursor={cursor}").status_code == 422


def test_each_role_sees_the_tickets_that_it_may_read(app: Flask, api: Api) -> None:
    customer(api)
    technical, financial = opened(), opened(department="financial")
    seen = {}
    for role in ("agent", "billing", "ops", "admin", "abuse"):
        page = Browser(app).as_staff(role, email=f"{role}@staff.example").get("/staff/accounts/C-1").text
        seen[role] = [ticket.number for ticket in (technical, financial) if f"/staff/tickets/{ticket.number}" in page]
    both = [technical.number, financial.number]
    assert seen == {"agent": both, "billing": [financial.number], "ops": both, "admin": both, "abuse": []}


def test_who_may_read_one_department_alone_is_told_so(app: Flask, api: Api) -> None:
    customer(api)
    page = Browser(app).as_staff("billing", email="bill@staff.example").get("/staff/accounts/C-1/tickets").text
    assert "Those that your roles let you read: Financial matters" in text_of(page)


def test_who_may_read_none_has_no_such_page(app: Flask, api: Api) -> None:
    customer(api)
    browser = Browser(app).as_staff("abuse", email="abuse@staff.example")
    assert 'href="/staff/accounts/C-1/tickets"' not in browser.get("/staff/accounts/C-1").text
    assert browser.get("/staff/accounts/C-1/tickets").status_code == 404
