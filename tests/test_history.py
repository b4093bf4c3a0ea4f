"""Why was this sent, or not? Every delivery and skip, for programs and for staff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text, update

from notifyhub import history
from notifyhub.database import reading, transaction
from notifyhub.models import Mailbox
from tests.announcements.steps import published
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server
from tests.staff.test_account_pages import entries

Work = Callable[[], None]


def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = api.get(f"/v1/deliveries?{query}")
    assert answer.status_code == 200, answer.json
    return list(answer.json["items"])


@pytest.fixture
def told(api: Api, work: Work) -> None:
    """C-1 of an outage and of a maintenance, C-2 of the maintenance."""
    own = {"announcements": [{"email": "noc@one.example", "state": "verified"}, {"email": "new@one.example", "state": "pending"}]}
    api.put("/v1/accounts/C-1", account(send_email=own))
    published(api, kind="outage")
    api.put("/v1/accounts/C-2", account(registered_email="two@two.example"))
    published(api)
    work()


class TestWhy:
    def test_a_mail_says_all_there_is_to_know(self, api: Api, work: Work, smtp: Server) -> None:
        smtp.refuse("owner@one.example", "451 4.3.0 busy")
        api.put("/v1/accounts/C-1", account())
        published(api)
        work()
        (mail,) = [item for item in listed(api, "account=C-1") if item["channel"] == "email"]
        assert {name: mail[name] for name in ("account", "kind", "address", "lane", "state", "rule", "sent_at")} == {
            "account": "C-1", "kind": "maintenance", "address": "owner@one.example", "lane": "bulk", "state": "queued", "rule": 4,
            "sent_at": None,
        }  # fmt: skip
        assert mail["reason"] == "registered address: none is set for this category"
        assert [attempt["reply"] for attempt in mail["attempts"]] == ["451 4.3.0 busy"]
        assert mail["queued_at"] < mail["attempts"][0]["at"] < mail["next_attempt_at"]

    def test_a_skip_is_found_by_its_address(self, api: Api, told: None) -> None:
        skips = listed(api, "address=new@one.example")
        assert {(skip["state"], skip["reason"], skip["account"], tuple(skip["attempts"])) for skip in skips} == {
            ("skipped", "address not confirmed yet", "C-1", ())
        }
        assert [skip["lane"] for skip in skips] == ["bulk", "urgent"]

    def test_a_skip_without_an_address_is_found_by_its_account(self, api: Api, work: Work) -> None:
        api.put("/v1/accounts/C-1", account())
        with transaction() as session:
            session.execute(update(Mailbox).values(status="bouncing"))
        published(api)
        work()
        assert ("skipped", 5, "no usable address") in [
            (item["state"], item["rule"], item["reason"]) for item in listed(api, "account=C-1&state=skipped")
        ]

    def test_an_address_that_nobody_ever_used_has_none(self, api: Api, told: None) -> None:
        assert listed(api, "address=nobody@one.example") == []


class TestLanes:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("lane=urgent", ["email sent", "email skipped", "inbox sent"]),
            ("lane=urgent&state=sent", ["email sent", "inbox sent"]),
            ("lane=urgent&state=skipped", ["email skipped"]),
            ("lane=urgent&account=C-2", []),
            ("lane=bulk&account=C-2", ["email sent", "inbox sent"]),
            ("lane=bulk&address=noc@one.example", ["email sent"]),
            ("lane=normal", []),
        ],
    )
    def test_only_deliveries_of_that_lane(self, api: Api, told: None, query: str, found: list[str]) -> None:
        assert sorted(f"{item['channel']} {item['state']}" for item in listed(api, query)) == found

    def test_a_lane_that_does_not_exist_is_refused(self, api: Api) -> None:
        answer = api.get("/v1/deliveries?lane=fast")
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "lane")

    def test_pages_of_a_lane_have_each_of_them_once(self, api: Api, told: None) -> None:
        seen, cursor = [], ""
        while cursor is not None:
            page = api.get(f"/v1/deliveries?lane=bulk&limit=2{cursor and f'&cursor={cursor}'}").json
            seen += [item["id"] for item in page["items"]]
            cursor = page["next"]
        assert (len(seen), len(set(seen))) == (5, 5)

    def test_staff_filter_by_it_too(self, app: Flask, told: None) -> None:
        browser = Browser(app).as_staff("agent")
        assert len(entries(browser.get("/staff/deliveries?lane=urgent").text)) == 3
        assert len(entries(browser.get("/staff/deliveries?lane=urgent&state=skipped&account=C-1").text)) == 1
        assert "Show all" in browser.get("/staff/deliveries?lane=normal").text
        wrong = browser.get("/staff/deliveries?lane=fast")
        assert (wrong.status_code, "is not a lane" in wrong.text) == (422, True)


MANY = """
    INSERT INTO delivery
        (id, notification_id, channel, mailbox_id, lane, state, rule, reason, queued_at, due_at, tries, attempts)
    SELECT gen_random_uuid(), gen_random_uuid(), 'email', n, CASE WHEN n % 1000 = 0 THEN n / 1000 % 3 ELSE 3 END,
        CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'sent' END, 4, '', now(), now(), 0, '[]'
    FROM generate_series(1, 30000) AS n
"""


@pytest.mark.parametrize("state", [None, "failed", "skipped"])
@pytest.mark.parametrize("lane", ["immediate", "urgent", "normal"])
def test_postgresql_walks_no_table_to_find_a_lane(app: Flask, lane: str, state: str | None) -> None:
    with transaction() as session:
        if session.get_bind().dialect.name != "postgresql":
            return
        session.execute(text(MANY))
        session.execute(text("ANALYZE delivery"))
    with reading() as session:
        plans: list[str] = []
        connection = session.connection()

        def explain(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
            if "FROM delivery" in statement and "EXPLAIN" not in statement:
                plans.append("\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()))

        event.listen(connection, "before_cursor_execute", explain)
        history.page(session, history.Wanted(lane=lane, state=state), None, 51)
    assert plans[0].count("ix_delivery_lane") + plans[0].count("ix_delivery_not_sent") == 1, plans[0]
