"""Mail that comes back: proof first, then hard or soft, then what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from notifyhub import wake
from notifyhub.database import reading, transaction, utcnow
from notifyhub.models import AbuseReport, AuditEntry, Delivery, IncomingMail, Mailbox
from tests.announcements.steps import mails, published
from tests.builders import account
from tests.conftest import Api
from tests.intake import samples
from tests.smtp import Server

Work = Callable[[], None]
NOC = "noc@one.example"


@pytest.fixture
def sent(api: Api, work: Work, smtp: Server) -> str:
    """An announcement was mailed to NOC; answers the envelope sender."""
    verified = {"announcements": [{"email": NOC, "state": "verified"}]}
    api.put("/v1/accounts/C-1", account(registered_email="owner@one.example", send_email=verified))
    published(api, kind="news", impact=None, starts_at=None, ends_at=None)
    work()
    (mail,) = smtp.mails
    return mail.sender


def receive(api: Api, raw: bytes, rcpt: str = "", mail_from: str = "") -> Any:
    answer = api.post(
        "/v1/intake/email",
        data=raw,
        content_type="message/rfc822",
        query_string={"rcpt": rcpt, "mail_from": mail_from, "wait": "1"},
    )
    assert answer.status_code == 200, answer.json
    return answer.json


def status(email: str) -> str:
    with reading() as session:
        return session.execute(select(Mailbox.status).where(Mailbox.email == email)).scalar_one()


def states() -> list[tuple[str, str]]:
    return [(email, state) for email, state in mails() if email in (NOC, "owner@one.example")]


UNTOUCHED = [(NOC, "sent")]


class TestProof:
    def test_an_envelope_sender_of_ours_says_which_delivery_came_back(self, api: Api, sent: str) -> None:
        answer = receive(api, samples.delivery_report(), sent)
        (delivery,) = api.get(f"/v1/deliveries?address={NOC}").json["items"]
        assert (answer["outcome"], answer["delivery"]) == ("bounce", delivery["id"])
        assert delivery["state"] == "bounced"

    def test_so_does_a_message_id_of_ours_in_what_was_returned(self, api: Api, sent: str, smtp: Server) -> None:
        id = smtp.mails[0].message["Message-ID"]
        answer = receive(api, samples.delivery_report(returned=f"Message-ID: {id}\nSubject: Network maintenance"))
        assert answer["outcome"] == "bounce"

    @pytest.mark.parametrize("case", ["lower", "upper"])
    def test_mail_servers_may_change_its_case(self, api: Api, sent: str, case: str) -> None:
        assert receive(api, samples.delivery_report(), getattr(sent, case)())["outcome"] == "bounce"

    def test_a_report_without_either_changes_nothing_and_is_kept(self, api: Api, sent: str) -> None:
        answer = receive(api, samples.delivery_report(), "bounces@provider.example")
        assert answer["outcome"] == "unproven"
        assert answer["reply"].startswith("550 5.1.1")
        assert states() == UNTOUCHED
        assert status(NOC) == "ok"

    @pytest.mark.parametrize("place", [0, 10, 26, 38])
    def test_a_token_with_one_character_changed_is_no_proof(self, api: Api, sent: str, place: int) -> None:
        local, _, domain = sent.partition("@")
        name, _, token = local.partition("+")
        other = "a" if token[place] != "a" else "b"
        forged = f"{name}+{token[:place]}{other}{token[place + 1 :]}@{domain}"
        assert receive(api, samples.delivery_report(), forged)["outcome"] == "unproven"
        assert states() == UNTOUCHED

    def test_the_same_report_again_changes_nothing(self, api: Api, sent: str) -> None:
        receive(api, samples.delivery_report(), sent)
        before = mails("state", "attempts")
        assert receive(api, samples.delivery_report(), sent)["outcome"] == "repeated"
        assert mails("state", "attempts") == before

    def test_a_report_that_overtakes_our_own_record_waits_for_it(self, api: Api, sent: str, work: Work) -> None:
        with transaction() as session:
            session.execute(update(Delivery).values(state="sending"))
        raw = samples.delivery_report()
        answer = api.post("/v1/intake/email", data=raw, content_type="message/rfc822", query_string={"rcpt": sent})
        assert answer.status_code == 202
        work()
        with transaction() as session:
            assert session.execute(select(IncomingMail.outcome)).scalar() is None
            session.execute(update(Delivery).values(state="sent"))
            session.execute(update(IncomingMail).values(due_at=utcnow()))
        wake.now("intake")
        work()
        assert states()[0] == (NOC, "bounced")


class TestHard:
    @pytest.mark.parametrize("raw", [samples.delivery_report(), samples.EXIM, samples.QMAIL], ids=["postfix", "exim", "qmail"])
    def test_the_mailbox_bounces_and_the_notification_goes_to_the_registered_address(
        self, api: Api, sent: str, raw: bytes, work: Work, smtp: Server
    ) -> None:
        assert receive(api, raw, sent)["outcome"] == "bounce"
        work()
        assert status(NOC) == "bouncing"
        assert states() == [(NOC, "bounced"), ("owner@one.example", "sent")]
        assert smtp.mails[-1].to == "owner@one.example"

    def test_the_account_is_told_and_its_settings_say_so(self, api: Api, sent: str) -> None:
        receive(api, samples.delivery_report(), sent)
        assert "repair" in [item["kind"] for item in api.get("/v1/accounts/C-1/inbox").json["items"]]
        addresses = api.get("/v1/accounts/C-1/send-email").json["announcements"]["addresses"]
        assert [(entry["email"], entry["state"]) for entry in addresses] == [(NOC, "bouncing")]

    def test_the_servers_words_are_kept_with_the_delivery(self, api: Api, sent: str) -> None:
        receive(api, samples.delivery_report(), sent)
        (delivery,) = api.get(f"/v1/deliveries?address={NOC}").json["items"]
        assert "User unknown" in delivery["reason"]
        assert "User unknown" in delivery["attempts"][-1]["reply"]

    def test_an_owner_who_confirmed_since_is_not_marked_by_an_older_mail(self, api: Api, sent: str) -> None:
        with transaction() as session:
            session.execute(update(Mailbox).values(usable_since=utcnow() + timedelta(seconds=1)))
        receive(api, samples.delivery_report(), sent)
        assert status(NOC) == "ok"
        assert states()[0] == (NOC, "bounced")


class TestSoft:
    def test_one_leaves_the_mailbox_usable(self, api: Api, sent: str) -> None:
        assert receive(api, samples.FULL, sent)["outcome"] == "bounce"
        assert status(NOC) == "ok"

    def test_what_came_back_is_told_elsewhere(self, api: Api, sent: str, work: Work) -> None:
        receive(api, samples.FULL, sent)
        work()
        assert states() == [(NOC, "bounced"), ("owner@one.example", "sent")]

    @pytest.mark.parametrize(
        ("days_ago", "expected"),
        [((9, 6, 3, 3), "bouncing"), ((0, 0, 0, 0), "ok"), ((3, 1), "ok"), ((40, 30, 20, 1), "ok")],
        ids=["many over several days", "many in a day", "few", "long ago"],
    )
    def test_several_over_several_days_are_as_good_as_a_hard_one(
        self, api: Api, sent: str, days_ago: tuple[int, ...], expected: str
    ) -> None:
        with transaction() as session:
            before = [(utcnow() - timedelta(days=days)).isoformat() for days in days_ago]
            session.execute(update(Mailbox).where(Mailbox.email == NOC).values(soft_bounces=before))
        receive(api, samples.FULL, sent)
        assert status(NOC) == expected


class TestWithoutConsequence:
    @pytest.mark.parametrize(
        ("raw", "outcome"),
        [
            (samples.delivery_report(action="delayed", status="4.4.1", diagnostic="smtp; 451 still trying"), "delay"),
            (samples.delivery_report(action="delivered", status="2.0.0", diagnostic="smtp; 250 ok"), "receipt"),
            (samples.delivery_report(action="relayed", status="2.0.0", diagnostic="smtp; 250 ok"), "receipt"),
            (samples.VACATION, "auto_reply"),
            (samples.READ_RECEIPT, "receipt"),
            (samples.PERSON, "other"),
        ],
        ids=["delayed", "delivered", "relayed", "vacation", "read", "a person"],
    )
    def test_it_is_kept_and_changes_nothing(self, api: Api, sent: str, raw: bytes, outcome: str) -> None:
        assert receive(api, raw, sent, "noc@one.example" if outcome in ("auto_reply", "other") else "")["outcome"] == outcome
        assert states() == UNTOUCHED
        assert status(NOC) == "ok"

    def test_a_refusal_of_this_mail_says_nothing_about_the_mailbox(self, api: Api, sent: str) -> None:
        raw = samples.delivery_report(status="5.7.1", diagnostic="smtp; 550 5.7.1 blocked: user unknown to our policy")
        receive(api, raw, sent)
        assert states()[0] == (NOC, "bounced")
        assert status(NOC) == "ok"


class TestComplaints:
    def returned(self, smtp: Server) -> str:
        return f"Message-ID: {smtp.mails[0].message['Message-ID']}\nSubject: News"

    def test_optional_kinds_go_there_no_more_and_the_others_do(self, api: Api, sent: str, work: Work, smtp: Server) -> None:
        assert receive(api, samples.complaint(self.returned(smtp)))["outcome"] == "complaint"
        assert status(NOC) == "complained"
        smtp.mails.clear()
        published(api, kind="news", impact=None, starts_at=None, ends_at=None)
        work()
        assert smtp.mails == []
        published(api)
        work()
        assert [mail.to for mail in smtp.mails] == [NOC]

    def test_it_is_in_the_audit_log(self, api: Api, sent: str, smtp: Server) -> None:
        receive(api, samples.complaint(self.returned(smtp)))
        with reading() as session:
            assert session.scalars(select(AuditEntry.id).where(AuditEntry.action == "mailbox.complained")).all()

    def test_without_proof_nothing_follows_for_a_mailbox(self, api: Api, sent: str) -> None:
        receive(api, samples.complaint("Subject: News"))
        assert status(NOC) == "ok"

    def test_on_a_mail_that_is_not_ours_it_is_a_report_of_abuse(self, api: Api, sent: str) -> None:
        raw = samples.complaint("Received: from vps (vps [203.0.113.7]) by mx.example; Wed, 25 Nov 2026 10:00:00 +0000\nSubject: Spam")
        assert receive(api, raw)["outcome"] == "abuse"
        assert receive(api, raw)["outcome"] == "repeated"
        with reading() as session:
            assert session.scalars(select(AbuseReport.address)).all() == ["203.0.113.7"]

    def test_a_report_that_it_is_no_spam_complains_of_nothing(self, api: Api, sent: str, smtp: Server) -> None:
        assert receive(api, samples.complaint(self.returned(smtp), "not-spam"))["outcome"] == "receipt"
        assert status(NOC) == "ok"


class TestReceiving:
    def test_it_is_stored_before_it_is_answered_and_worked_on_later(self, app: Flask, api: Api, work: Work) -> None:
        answer = api.post("/v1/intake/email", data=samples.PERSON, content_type="message/rfc822")
        assert (answer.status_code, answer.json["outcome"]) == (202, None)
        with reading() as session:
            assert session.execute(select(IncomingMail.raw)).scalar() == samples.PERSON
        work()
        with reading() as session:
            assert session.execute(select(IncomingMail.outcome)).scalar() == "other"

    @pytest.mark.parametrize(
        ("options", "status"),
        [
            ({"data": b"", "content_type": "message/rfc822"}, 422),
            ({"data": b" \r\n", "content_type": "message/rfc822"}, 422),
            ({"data": b"a: b", "content_type": "text/plain"}, 400),
            ({"data": b"a: b", "content_type": "message/rfc822", "query_string": {"rcpt": "a\r\nb"}}, 422),
            ({"data": b"a: b", "content_type": "message/rfc822", "query_string": {"to": "a"}}, 422),
            ({"data": b"a" * (30 * 1024 * 1024 + 1), "content_type": "message/rfc822"}, 413),
        ],
        ids=["empty", "blank", "no mail", "lines in an address", "unknown argument", "too big"],
    )
    def test_what_is_no_mail_is_refused(self, api: Api, options: Any, status: int) -> None:
        assert api.post("/v1/intake/email", **options).status_code == status

    def test_it_needs_the_scope(self, app: Flask, api: Api) -> None:
        assert Api(app.test_client(), key=None).post("/v1/intake/email", data=b"a: b").status_code == 401

    def test_erasing_the_account_empties_what_was_reported_about_it(self, api: Api, sent: str) -> None:
        receive(api, samples.delivery_report(), sent)
        api.delete("/v1/accounts/C-1")
        with reading() as session:
            assert session.execute(select(IncomingMail.raw, IncomingMail.reply)).all() == [(b"", None)]
