"""POST /v1/abuse/reports: kept once, and told at once to whoever had the address."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from notifyhub import abuse
from notifyhub.abuse import accepting
from notifyhub.accounts import erasure, lookup
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Invalid
from notifyhub.models import AbuseReport, Delivery, Idempotency, Notification, ServiceAddress
from tests.abuse.reports import CLASSES, CONTACT, arf, evidence, report
from tests.builders import account, service
from tests.conftest import Api
from tests.smtp import Server

PATH = "/v1/abuse/reports"
ADDRESS = "203.0.113.7"


def put(api: Api, external_id: str = "C-1", *addresses: str, **changes: Any) -> None:
    rented = [service(order_number=f"#{external_id}", name="vps-1.one.example", addresses=list(addresses or (ADDRESS,)))]
    assert api.put(f"/v1/accounts/{external_id}", account(services=rented, **changes)).status_code in (200, 201)


def post_arf(api: Api, raw: bytes, **options: Any) -> Any:
    return api.post(PATH, data=raw, content_type="message/rfc822", **options)


def inbox(api: Api, external_id: str = "C-1") -> list[Any]:
    items: list[Any] = api.get(f"/v1/accounts/{external_id}/inbox").json["items"]
    return items


def count(model: Any) -> int:
    found = db.session.scalar(select(func.count()).select_from(model))
    db.session.remove()
    return int(found or 0)


@pytest.fixture
def stored(app: Flask) -> Iterator[Any]:
    def find(id: str) -> AbuseReport:
        return db.session.get_one(AbuseReport, uuid.UUID(id))

    yield find
    db.session.remove()


# --- told


@pytest.mark.parametrize(("category", "type"), [(category, type) for category, type, _ in CLASSES])
def test_a_report_in_xarf_is_told_at_once(api: Api, category: str, type: str) -> None:
    put(api)
    answer = api.post(PATH, report(category, type))
    assert answer.status_code == 202, answer.json
    assert (answer.json["status"], answer.json["format"], answer.json["type"], answer.json["address"]) == (
        "told", "xarf", f"{category}/{type}", ADDRESS,
    )  # fmt: skip
    (item,) = inbox(api)
    assert (item["id"], item["kind"], item["category"], item["lane"]) == (answer.json["notification"], "abuse", "abuse", "immediate")
    assert item["services"] == [{"order_number": "#C-1", "name": "vps-1.one.example"}]
    assert item["source"] == {"type": "abuse-report", "id": answer.json["id"], "revision": 1}
    assert ADDRESS in item["title"]


@pytest.mark.parametrize("feedback_type", ["abuse", "fraud", "virus", "auth-failure", "other"])
def test_a_report_in_arf_is_told_at_once(api: Api, feedback_type: str) -> None:
    put(api)
    answer = post_arf(api, arf(Feedback_Type=feedback_type))
    assert answer.status_code == 202, answer.json
    assert (answer.json["status"], answer.json["format"], answer.json["type"]) == ("told", "arf", f"feedback/{feedback_type}")
    assert answer.json["occurred_at"] == "2026-11-20T10:00:00+00:00"
    assert len(inbox(api)) == 1


def test_that_something_is_no_spam_is_kept_and_held_against_nobody(api: Api, stored: Any) -> None:
    put(api)
    answer = post_arf(api, arf(Feedback_Type="not-spam"))
    assert (answer.status_code, answer.json["status"], answer.json["notification"]) == (202, "kept", None)
    assert inbox(api) == []
    assert stored(answer.json["id"]).account_id is not None


def test_the_mail_goes_to_the_address_for_abuse_and_nothing_in_it_acts(api: Api, work: Any, smtp: Server) -> None:
    put(api, send_email={"abuse": [{"email": "abuse@one.example", "state": "verified"}]})
    page = b'<a href="https://evil.example/login">Bank</a><script>alert(1)</script><img src=https://evil.example/p.gif>'
    api.post(
        PATH,
        report(
            "content", "phishing", description="<script>alert(2)</script> https://evil.example/login\n.\nBcc: x",
            reporter=CONTACT | {"org": "<b>Desk</b> & Co"},
            evidence=[evidence("text/html", page), evidence("application/zip", b"PK\x03\x04malware")],
        ),
    )  # fmt: skip
    work()
    (sent,) = smtp.mails
    mail, text, html = sent.message, sent.text, sent.html
    assert sent.to == "abuse@one.example"
    assert mail["Subject"] == f"Abuse report: Phishing, {ADDRESS}"
    assert mail["Bcc"] is None
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert "hxxps://evil[.]example/login" in text
    assert "<b>Desk</b> & Co (desk[.]example)" in text
    assert "[application/zip, 11 B]" in text
    assert "evil.example" not in text + html
    assert "<script" not in html
    assert "&lt;script&gt;alert(2)" in html
    assert "&lt;b&gt;Desk" in html
    assert "malware" not in text + html
    (item,) = inbox(api)
    assert "<script" not in item["html"]
    assert "evil.example" not in item["html"] + item["text"]


def test_the_reporters_own_address_is_not_told(api: Api) -> None:
    put(api)
    api.post(PATH, report())
    (item,) = inbox(api)
    assert "Example Desk (desk[.]example)" in item["text"]
    assert "abuse@desk" not in item["text"]


# --- whose


def test_the_most_specific_prefix_is_told(api: Api) -> None:
    put(api, "C-1", "203.0.113.0/24", "2001:db8::/32")
    put(api, "C-2", "203.0.113.0/28", "2001:db8:7::/48")
    api.post(PATH, report(address="203.0.113.7"))
    api.post(PATH, report(address="2001:db8:7::1"))
    assert [len(inbox(api, account)) for account in ("C-1", "C-2")] == [0, 2]
    api.post(PATH, report(address="203.0.113.99"))
    post_arf(api, arf(Source_IP="2001:db8:8::1"))
    assert [len(inbox(api, account)) for account in ("C-1", "C-2")] == [2, 2]


def test_who_had_the_address_then_is_told_and_not_who_has_it_now(api: Api) -> None:
    put(api, "C-1")
    with transaction() as session:
        session.execute(update(ServiceAddress).values(valid_from=utcnow() - timedelta(days=30)))
    then = utcnow().isoformat()
    api.put("/v1/accounts/C-1", account(services=[]))
    put(api, "C-2")
    api.post(PATH, report(timestamp=then))
    assert [len(inbox(api, account)) for account in ("C-1", "C-2")] == [1, 0]
    api.post(PATH, report(timestamp=utcnow().isoformat()))
    assert [len(inbox(api, account)) for account in ("C-1", "C-2")] == [1, 1]


@pytest.mark.parametrize("address", ["198.51.100.1", "2001:db8:ffff::1", "evil.example", "https://evil.example/"])
def test_what_is_nobodys_is_kept(api: Api, stored: Any, address: str) -> None:
    put(api)
    answer = api.post(PATH, report(address=address))
    assert (answer.status_code, answer.json["status"], answer.json["notification"]) == (202, "kept", None)
    row = stored(answer.json["id"])
    assert (row.account_id, row.service_id, row.notification_id) == (None, None, None)
    assert inbox(api) == []


def test_a_report_that_names_no_address_is_kept(api: Api) -> None:
    answer = post_arf(api, arf(Source_IP=None, reported=None))
    assert (answer.status_code, answer.json["status"], answer.json["address"]) == (202, "kept", "")


# --- kept, and once


def test_it_is_kept_as_it_came(api: Api, stored: Any) -> None:
    put(api)
    document = json.dumps(report(), indent=3).encode()
    answer = api.post(PATH, data=document, content_type="application/json; charset=utf-8")
    row = stored(answer.json["id"])
    assert (bytes(row.raw), row.reporter, row.contact, row.received_from) == (
        document, "Example Desk (desk[.]example)", "abuse@desk.example", "bootstrap key",
    )  # fmt: skip
    assert bytes(stored(post_arf(api, arf()).json["id"]).raw) == arf()


def test_the_same_report_again_is_answered_the_same_and_does_nothing(api: Api, work: Any, smtp: Server) -> None:
    put(api)
    document = report()
    first, again = api.post(PATH, document), api.post(PATH, document | {"description": "sent again"})
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    mails = post_arf(api, arf()), post_arf(api, b"Received: from a by b\r\n" + arf())
    assert mails[0].json == mails[1].json
    work()
    assert (count(AbuseReport), count(Notification), len(smtp.mails)) == (2, 2, 2)


def test_the_same_report_after_the_address_has_moved_is_still_the_same(api: Api) -> None:
    put(api)
    document = report()
    first = api.post(PATH, document)
    api.put("/v1/accounts/C-1", account(services=[]))
    put(api, "C-2")
    assert api.post(PATH, document).json == first.json
    assert inbox(api, "C-2") == []


def test_another_reporter_with_the_same_id_makes_another_report(api: Api) -> None:
    document = report()
    api.post(PATH, document)
    api.post(PATH, document | {"reporter": CONTACT | {"contact": "abuse@other.example", "domain": "other.example"}})
    assert count(AbuseReport) == 2


def test_two_at_once_are_one(app: Flask, api: Api) -> None:
    put(api)
    document, answers = report(), list[Any]()

    def post() -> None:
        with app.app_context():
            answers.append(Api(app.test_client()).post(PATH, document).json)

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({json.dumps(answer, sort_keys=True) for answer in answers}) == 1
    assert (count(AbuseReport), count(Notification), count(Delivery)) == (1, 1, 1)


def test_with_an_idempotency_key_the_answer_is_kept_too(api: Api) -> None:
    put(api)
    headers = {"Idempotency-Key": "mine"}
    first = post_arf(api, arf(), headers=headers)
    assert post_arf(api, arf(), headers=headers).json == first.json
    assert post_arf(api, arf(message_id="<other@isp.example>"), headers=headers).status_code == 422


def test_an_account_that_was_erased_meanwhile_is_nobody(app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    put(api)
    real = accepting.holders.holding

    def erased_after_that(*args: Any) -> Any:
        found = real(*args)
        erasure.erase(args[0], lookup.find(args[0], "C-1"), utcnow())
        return found

    monkeypatch.setattr(accepting.holders, "holding", erased_after_that)
    assert api.post(PATH, report()).json["status"] == "kept"


# --- by other ways


def test_other_intakes_hand_over_the_bytes(api: Api, app: Flask) -> None:
    put(api)
    with transaction() as session:
        accepted = abuse.accept_raw(session, arf(), "mail", utcnow())
        again = abuse.accept_raw(session, arf(), "mail", utcnow())
    assert (accepted.repeated, again.repeated, again.report.id) == (False, True, accepted.report.id)
    assert post_arf(api, arf()).json["id"] == str(accepted.report.id)
    assert len(inbox(api)) == 1
    with transaction() as session, pytest.raises(Invalid):
        abuse.accept_raw(session, b"Subject: hello\r\n\r\nno report", "mail", utcnow())
    with transaction() as session, pytest.raises(Invalid):
        abuse.accept_raw(session, arf(reported="x" * 9_000_000), "mail", utcnow())


# --- refused


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"{}", "application/json", 422),
        (b"null", "application/json", 422),
        (arf(), "application/json", 400),
        (arf(), "text/plain", 400),
        (arf(), "multipart/report; boundary=part", 400),
        (b"a=b", "application/x-www-form-urlencoded", 400),
        (b"", "message/rfc822", 422),
        (json.dumps(report()).encode(), "message/rfc822", 422),
        (arf(Version="9"), "message/rfc822", 422),
        (b"\0" * 1000, "message/rfc822", 422),
    ],
)
def test_what_cannot_be_read_is_refused_and_leaves_nothing(api: Api, body: bytes, content_type: str, status: int) -> None:
    answer = api.post(PATH, data=body, content_type=content_type)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert count(AbuseReport) == 0


@pytest.mark.parametrize("content_type", ["application/json", "message/rfc822"])
def test_a_report_that_is_too_large_is_refused_with_the_limit(api: Api, content_type: str) -> None:
    answer = api.post(PATH, data=b" " * 10_000_000, content_type=content_type)
    assert answer.status_code == 413
    assert "8,388,608" in answer.json["detail"]


def test_the_largest_evidence_that_xarf_allows_is_taken(api: Api) -> None:
    put(api)
    assert api.post(PATH, report(evidence=[evidence("image/png", b"\x89PNG" * (5 * 1024 * 1024 // 4))])).status_code == 202


def test_every_wrong_field_is_named(api: Api) -> None:
    answer = api.post(PATH, report(timestamp="x", report_id="1", reporter=CONTACT | {"org": "a\r\nb"}))
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json["errors"]} == {"timestamp", "report_id", "reporter.org"}


def test_it_needs_its_own_scope(app: Flask, api: Api) -> None:
    from notifyhub import access

    with transaction() as session:
        _, other = access.create_key(session, "billing", ["events"], utcnow())
        _, own = access.create_key(session, "Abusix feed", ["abuse"], utcnow())
    assert Api(app.test_client(), other).post(PATH, report()).status_code == 403
    assert Api(app.test_client(), own).post(PATH, report()).status_code == 202
    assert db.session.scalars(select(AbuseReport.received_from)).one().endswith("Abusix feed")


# --- erased, and exported


def test_with_its_account_what_was_reported_goes_and_that_it_was_reported_stays(api: Api, stored: Any) -> None:
    put(api)
    id = api.post(PATH, report(description="vps-1.one.example attacks")).json["id"]
    nobodys = api.post(PATH, report(address="198.51.100.1")).json["id"]
    api.delete("/v1/accounts/C-1")
    row = stored(id)
    assert (row.address, row.evidence, row.raw, row.service_id) == ("", "", None, None)
    assert row.account_id is not None
    assert row.notification_id is not None
    assert row.reporter == "Example Desk (desk[.]example)"
    assert stored(nobodys).evidence != ""


def test_what_was_answered_to_a_report_goes_with_its_account_too(api: Api) -> None:
    put(api)
    for number in range(3):
        api.post(PATH, report(), headers={"Idempotency-Key": f"mine {number}"})
    api.post(PATH, report(address="198.51.100.1"), headers={"Idempotency-Key": "nobody's"})
    api.delete("/v1/accounts/C-1")
    assert [row.key for row in db.session.scalars(select(Idempotency))] == ["nobody's"]


def test_sources_are_kept_for_three_months_and_reports_as_long_as_history(api: Api, stored: Any) -> None:
    put(api)
    id, now = api.post(PATH, report()).json["id"], utcnow()
    for days, sourced, kept in ((89, True, 1), (91, False, 1), (399, False, 1), (401, False, 0)):
        with transaction() as session:
            abuse.prune(session, now + timedelta(days=days))
        assert count(AbuseReport) == kept
        assert not kept or (stored(id).raw is not None) == sourced
        db.session.remove()


def test_the_export_of_an_account_has_its_reports(api: Api) -> None:
    put(api)
    id = api.post(PATH, report()).json["id"]
    (row,) = api.get("/v1/accounts/C-1/export").json["abuse_reports"]
    assert (row["id"], row["address"], row["type"]) == (id, ADDRESS, "connection/login_attack")
    assert "protocol: tcp" in row["evidence"]
