"""What becomes of an event: told once, whoever reports it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from notifyhub.database import db, transaction, utcnow
from notifyhub.events import accepting
from notifyhub.events.types import TYPES
from notifyhub.models import Event
from tests.builders import account, service
from tests.conftest import Api
from tests.events.steps import document, event, inbox, refused, report
from tests.smtp import Server
from tests.test_dispatch import at_once

SERVICE = service(order_number="#100412", name="vps-12.one.example", addresses=["203.0.113.7"])


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(services=[SERVICE]))
    api.put("/v1/accounts/C-2", account(registered_email="owner@two.example", services=[]))


@pytest.mark.parametrize("type", TYPES)
def test_each_type_is_an_item_and_a_mail(api: Api, work: Callable[[], None], smtp: Server, type: str) -> None:
    answer = report(api, event(type))
    assert answer.status_code == 202, answer.json
    (item,) = inbox(api)
    assert answer.json["items"][0] | {"id": "", "source": ""} == {"id": "", "source": "", "status": "accepted", "notification": item["id"]}
    work()
    (mail,) = smtp.mails
    assert mail.message["Subject"] == item["title"].replace("\u00a0", " ") or item["title"].split() == mail.message["Subject"].split()
    assert (mail.text, mail.html) != ("", "")


def test_the_same_event_again_is_answered_the_same_and_told_once(api: Api) -> None:
    said = event()
    first, second = report(api, said).json["items"][0], report(api, said).json["items"][0]
    assert (first["status"], second["status"], first["notification"]) == ("accepted", "repeated", second["notification"])
    assert len(inbox(api)) == 1


@pytest.mark.parametrize("changes", [{"type": "invoice.overdue"}, {"subject": "C-1"}, {"data": {"amount": "12.51"}}])
def test_another_event_of_the_same_id_is_a_conflict(api: Api, changes: dict[str, Any]) -> None:
    said = event()
    report(api, said)
    other = said | changes | ({"data": said["data"] | changes["data"]} if "data" in changes else {})
    answer = report(api, other)
    assert answer.status_code == 409
    assert answer.json["errors"][0]["field"] == "id"
    assert len(inbox(api)) == 1


def test_what_else_an_event_carries_makes_it_no_other(api: Api) -> None:
    said = event()
    report(api, said)
    again = said | {"time": "2026-11-22T14:02:00Z", "traceparent": "00-1", "data": dict(reversed(said["data"].items()))}
    assert report(api, again).json["items"][0]["status"] == "repeated"


def test_the_same_id_of_another_source_is_another_event(api: Api) -> None:
    said = event()
    report(api, said)
    assert report(api, said | {"source": "https://other.provider.example"}).json["items"][0]["status"] == "accepted"


def test_reported_by_two_at_once_it_is_told_once(app: Flask, api: Api) -> None:
    said, statuses = event(), []

    def accept() -> None:
        with transaction() as session:
            statuses.extend(outcome.status for outcome in accepting.accept_many(session, [said, event()], "test", utcnow()))

    assert at_once(app, accept, 4) == []
    assert sorted(statuses) == ["accepted"] * 5 + ["repeated"] * 3
    assert len(inbox(api)) == 5


def test_batches_in_any_order_wait_for_each_other_and_not_for_ever(app: Flask, api: Api) -> None:
    said = [event() for _ in range(40)]
    orders = iter([said, said[::-1], said[20:] + said[:20], said[::2] + said[1::2]])

    def accept() -> None:
        order = next(orders)
        with transaction() as session:
            accepting.accept_many(session, order, "test", utcnow())

    assert at_once(app, accept, 4) == []
    assert len(api.get("/v1/accounts/C-1/inbox?limit=200").json["items"]) == 40


class TestBatch:
    def test_keeps_the_good_ones_and_says_which_is_which(self, api: Api) -> None:
        good, late = event(), event("invoice.paid")
        answer = report(api, good, event(data={"amount": "x"}), event(data={"account": "C-3"}), "nonsense", late)
        assert answer.status_code == 202
        items = answer.json["items"]
        assert [item["status"] for item in items] == ["accepted", "rejected", "rejected", "rejected", "accepted"]
        assert [item.get("errors", [{}])[0].get("field") for item in items] == [None, "data.amount", "data.account", "", None]
        assert [item["id"] for item in items][::4] == [good["id"], late["id"]]
        assert len(inbox(api)) == 2

    def test_may_say_the_same_twice(self, api: Api) -> None:
        said = event()
        items = report(api, said, event(), said).json["items"]
        assert [item["status"] for item in items] == ["accepted", "accepted", "repeated"]
        assert items[0]["notification"] == items[2]["notification"]
        assert len(inbox(api)) == 2

    def test_may_not_say_two_things_under_one_id(self, api: Api) -> None:
        said = event()
        items = report(api, said, said | {"type": "invoice.overdue"}).json["items"]
        assert [item["status"] for item in items] == ["accepted", "rejected"]
        assert items[1]["errors"][0]["field"] == "id"
        assert "notification" not in items[1]

    def test_says_a_conflict_with_what_was_reported_before(self, api: Api) -> None:
        said = event()
        report(api, said)
        items = report(api, said, event(), said | {"subject": "x"}, said | {"id": "new"}).json["items"]
        assert [item["status"] for item in items] == ["repeated", "accepted", "rejected", "accepted"]

    def test_tells_several_accounts_each_its_own(self, api: Api) -> None:
        report(api, event(data={"number": "A"}), event(data={"number": "B", "account": "C-2"}), event("security.login_from_new_place"))
        assert [item["title"].partition(":")[0] for item in inbox(api, "C-2")] == ["Invoice B"]
        assert {item["kind"] for item in inbox(api)} == {"invoice", "security_login"}

    def test_of_one_is_a_batch_all_the_same(self, api: Api) -> None:
        answer = api.post("/v1/events", data=json.dumps([event(data={"amount": "x"})]), content_type="application/cloudevents-batch+json")
        assert (answer.status_code, answer.json["items"][0]["status"]) == (202, "rejected")

    def test_of_none_does_nothing(self, api: Api) -> None:
        answer = api.post("/v1/events", data="[]", content_type="application/cloudevents-batch+json")
        assert (answer.status_code, answer.json) == (202, {"items": []})

    def test_has_at_most_a_thousand(self, api: Api) -> None:
        answer = report(api, *[event()] * 1001)
        assert "1,001 events; 1,000 are allowed" in refused(answer)[""]
        assert inbox(api) == []

    def test_loses_nothing_but_the_one_that_cannot_be_stored(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        told_long_ago = event()
        report(api, told_long_ago)
        with transaction() as session:
            session.query(Event).delete()  # forgotten before its notification was
        items = report(api, event(), told_long_ago, event()).json["items"]
        assert [item["status"] for item in items] == ["accepted", "rejected", "accepted"]
        assert report(api, told_long_ago).status_code == 409


class TestAccount:
    def test_may_stand_in_the_subject(self, api: Api) -> None:
        said = event(subject="C-2")
        del said["data"]["account"]
        report(api, said)
        assert len(inbox(api, "C-2")) == 1

    def test_of_the_data_is_meant_where_the_subject_says_something_else(self, api: Api) -> None:
        report(api, event(subject="INV-2231"))
        assert len(inbox(api)) == 1

    def test_must_be_there(self, api: Api) -> None:
        said = event()
        del said["data"]["account"]
        assert "is required" in refused(report(api, said))["data.account"]
        assert refused(report(api, said | {"subject": "C-3"})) == {"subject": "there is no such account"}
        assert refused(report(api, event(data={"account": "C-3"}))) == {"data.account": "there is no such account"}

    def test_that_was_erased_is_told_nothing_more(self, api: Api) -> None:
        api.delete("/v1/accounts/C-1")
        assert refused(report(api, event())) == {"data.account": "there is no such account"}


class TestService:
    def test_is_named_in_words(self, api: Api) -> None:
        report(api, event("monitoring.service_down"))
        (item,) = inbox(api)
        assert item["title"] == "vps-12.one.example does not respond"
        assert item["services"] == [{"order_number": "#100412", "name": "vps-12.one.example"}]

    def test_must_be_one_of_the_account(self, api: Api) -> None:
        said = event("monitoring.service_down", {"account": "C-2"})
        assert refused(report(api, said)) == {"data.service": "is not the order number of a service of this account"}

    @pytest.mark.parametrize(("reason", "category"), [("unpaid", "invoices"), ("abuse", "abuse"), ("other", "support")])
    def test_is_suspended_for_a_reason_that_decides_who_is_told(self, api: Api, reason: str, category: str) -> None:
        report(api, event("service.suspended", {"reason": reason}))
        assert [item["category"] for item in inbox(api)] == [category]


class TestDocument:
    def test_travels_with_the_mail_and_lies_in_the_inbox(self, api: Api, work: Callable[[], None], smtp: Server) -> None:
        report(api, event(data={"document": document("INV")}))
        (item,) = inbox(api)
        (file,) = item["files"]
        assert (file["name"], file["media_type"]) == ("INV-2231.pdf", "application/pdf")
        fetched = api.get(f"/v1/accounts/C-1/files/{file['id']}").data
        assert b"(INV)" in fetched
        assert api.get(f"/v1/accounts/C-2/files/{file['id']}").status_code == 404
        work()
        (part,) = smtp.mails[0].message.iter_attachments()
        assert (part.get_filename(), part.get_payload(decode=True)) == ("INV-2231.pdf", fetched)

    def test_of_an_event_told_again_is_kept_once(self, api: Api) -> None:
        said = event(data={"document": document()})
        report(api, said, said)
        report(api, said)
        assert len(api.get("/v1/accounts/C-1/export").json["files"]) == 1

    @pytest.mark.parametrize("number", ["../../etc/passwd", "a/b\\c", "x\u202efdp", "INV 1; filename=x.exe"])
    def test_has_a_name_that_is_safe(self, api: Api, number: str) -> None:
        answer = report(api, event(data={"number": number, "document": document()}))
        if answer.status_code == 422:
            return  # a number that turns the direction of text is none
        name = inbox(api)[0]["files"][0]["name"]
        assert name.endswith(".pdf")
        assert not set(name) & set('/\\"\r\n')


def test_events_are_remembered_as_long_as_history_is_kept(api: Api) -> None:
    report(api, event(), event())
    with transaction() as session:
        accepting.prune(session, utcnow() + accepting.KEPT - timedelta(days=1))
    with transaction() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 2
        accepting.prune(session, utcnow() + accepting.KEPT + timedelta(days=1))
    assert db.session.scalar(select(func.count()).select_from(Event)) == 0


@pytest.mark.parametrize("q", ["INV-7788", "inv-77", "7788.pdf"])
def test_an_item_is_found_by_what_was_reported(api: Api, q: str) -> None:
    report(api, event(data={"number": "INV-7788", "document": document()}), event(data={"number": "INV-1"}))
    assert [item["title"].partition(":")[0] for item in api.get(f"/v1/accounts/C-1/inbox?q={q}").json["items"]] == ["Invoice INV-7788"]


def test_what_was_told_twice_is_counted(api: Api) -> None:
    said = event()
    report(api, said)
    report(api, said, said, event())
    report(api, said)
    assert 'notifyhub_duplicates_avoided_total{how="repeated"} 3.0' in api.get("/metrics").text


def test_who_reported_it_is_on_record(api: Api) -> None:
    report(api, event())
    assert db.session.scalars(select(Event.reported_by)).all() == ["bootstrap key"]


def test_an_account_that_nobody_can_reach_is_told_in_its_inbox_and_asked_to_mend_that(app: Flask, api: Api) -> None:
    from notifyhub.models import Mailbox

    with transaction() as session:
        session.query(Mailbox).update({"status": "bouncing"})
    report(api, event(), event(data={"account": "C-2"}))
    assert [sorted(item["kind"] for item in inbox(api, id)) for id in ("C-1", "C-2")] == [["invoice", "repair"]] * 2
