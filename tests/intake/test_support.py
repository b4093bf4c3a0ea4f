"""What people write to support: who it is from decides what becomes of it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from notifyhub import signing
from notifyhub.config import Settings
from notifyhub.database import db, transaction, utcnow
from notifyhub.intake import receiving
from notifyhub.models import Account, Mailbox
from tests.browserless import new_member
from tests.builders import service
from tests.conftest import Api
from tests.intake import samples
from tests.intake.people import OWNER, STRANGER, SUPPORT, last_mail, mail, messages, outcome, receive, results, tickets
from tests.smtp import Server
from tests.tickets.steps import answered, changed, customer, opened, read, told

Work = Callable[[], None]
HELP = "help@one.example"
PASS = results()


@pytest.fixture(autouse=True)
def accounts(app: Flask, api: Api) -> None:
    customer(api)  # owner@one.example, #123456, 203.0.113.7
    customer(api, "C-2", registered_email="two@two.example", services=[service(order_number="#222222", addresses=["198.51.100.2"])])


def account_of(number: int) -> str | None:
    (ticket,) = [ticket for ticket in tickets() if ticket.number == number]
    return db.session.get_one(Account, ticket.account_id).external_id if ticket.account_id else None


def plus(app: Flask, number: int) -> str:
    settings: Settings = app.extensions["settings"]
    return SUPPORT.replace("@", f"+{signing.ticket_token(settings, number)}@")


def again(id: uuid.UUID, work: Work) -> None:
    with transaction() as session:
        receiving.run_again(session, id, utcnow())
    work()


class TestAProvenAddress:
    def test_opens_a_ticket_of_its_account(self, api: Api) -> None:
        found = receive(api, mail(proof=PASS))
        (ticket,) = tickets()
        assert (found["outcome"], found["ticket"]) == ("ticket", ticket.number)
        assert account_of(ticket.number) == "C-1"
        assert (ticket.subject, ticket.department, ticket.priority, ticket.status) == ("The shop is slow", "technical", "regular", "open")
        assert messages(ticket) == ["The shop is slow since this morning."]
        assert last_mail().is_proven is True
        assert last_mail().ticket_id == ticket.id

    def test_is_promised_an_answer_by_the_clock_for_mails(self, api: Api) -> None:
        outcome(api, mail(proof=PASS))
        (ticket,) = tickets()
        assert (ticket.promise_minutes, ticket.promised_at - ticket.created_at) == (30, timedelta(minutes=30))

    def test_is_told_that_it_was_received_as_an_answer_to_the_mail(self, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail(proof=PASS))
        work()
        (sent,) = smtp.mails
        head = sent.message
        assert (sent.to, head["In-Reply-To"], head["Auto-Submitted"]) == (OWNER, "<m1@one.example>", "auto-replied")
        assert head["References"].split()[0] == "<m1@one.example>"
        assert (head["Precedence"], head["X-Auto-Response-Suppress"]) == ("bulk", "All")

    def test_urgent_words_are_a_hint_and_no_more(self, api: Api) -> None:
        outcome(api, mail(proof=PASS, subject="URGENT: server down"))
        (ticket,) = tickets()
        assert (ticket.priority, ticket.seems_urgent) == ("regular", True)

    def test_of_several_accounts_with_this_address_the_one_whose_service_is_named(self, api: Api) -> None:
        customer(api, "C-3", services=[service(order_number="#333333")])
        assert outcome(api, mail("My order #333333 is late.", proof=PASS)) == "ticket"
        assert account_of(tickets()[0].number) == "C-3"
        assert outcome(api, mail("Hello", proof=PASS)) == "held"


class TestAReply:
    @pytest.mark.parametrize("way", ["address", "reference", "message", "number"])
    def test_finds_its_ticket(self, way: str, api: Api, app: Flask, work: Work, smtp: Server) -> None:
        ticket = opened()
        answered(ticket)
        work()
        sent = smtp.mails[-1].message
        headers = {
            "reference": {"References": f"<x@y> {sent['References']} <later@one.example>"},
            "message": {"In-Reply-To": sent["Message-ID"]},
        }.get(way, {})
        rcpt = sent["Reply-To"] if way == "address" else SUPPORT
        subject = f"Re: [#{ticket.number}] The shop is slow" if way == "number" else "Re: whatever"
        assert outcome(api, mail("Thank you!", proof=PASS, subject=subject, headers=headers), rcpt=rcpt) == "reply"
        assert messages(ticket)[-1] == "Thank you!"
        assert read(ticket).status == "open"

    def test_may_tell_of_mails_that_came_back(self, api: Api, app: Flask) -> None:
        ticket = opened()
        assert outcome(api, mail(samples.QMAIL.decode().partition("\r\n\r\n")[2], proof=PASS), rcpt=plus(app, ticket.number)) == "reply"

    def test_to_a_closed_ticket_opens_a_new_one(self, api: Api, app: Flask) -> None:
        ticket = opened()
        changed(ticket, status="closed")
        assert outcome(api, mail("It is back.", proof=PASS), rcpt=plus(app, ticket.number)) == "ticket"
        assert [found.status for found in tickets()] == ["closed", "open"]

    def test_of_an_address_for_support_that_had_its_mails(self, api: Api, app: Flask, work: Work) -> None:
        customer(api, send_email={"support": [{"email": HELP, "state": "verified"}]})
        ticket = opened()
        work()
        assert outcome(api, mail("Thanks", f"Help <{HELP}>", proof=PASS), rcpt=plus(app, ticket.number)) == "reply"

    def test_of_an_address_for_support_that_had_none_waits(self, api: Api, app: Flask, work: Work) -> None:
        ticket = opened()
        work()
        customer(api, send_email={"support": [{"email": HELP, "state": "verified"}]})
        assert outcome(api, mail("Thanks", f"Help <{HELP}>", proof=PASS), rcpt=plus(app, ticket.number)) == "held"

    def test_an_address_for_support_opens_no_tickets(self, api: Api) -> None:
        customer(api, send_email={"support": [{"email": HELP, "state": "verified"}]})
        assert outcome(api, mail(sender=HELP, proof=PASS)) == "held"

    @pytest.mark.parametrize("sender", [STRANGER, OWNER, "two@two.example"])
    def test_the_address_that_it_came_to_is_no_proof(self, sender: str, api: Api, app: Flask) -> None:
        ticket = opened()
        assert outcome(api, mail("Cancel everything.", sender), rcpt=plus(app, ticket.number)) == "held"
        assert messages(ticket) == ["Since this morning."]

    def test_of_a_proven_stranger_waits_too(self, api: Api, app: Flask) -> None:
        ticket = opened()
        raw = mail("Cancel it.", STRANGER, proof=results("else.example"), subject=f"[#{ticket.number}]")
        assert outcome(api, raw, rcpt=plus(app, ticket.number)) == "held"

    def test_of_staff_is_none(self, api: Api, app: Flask) -> None:
        ticket = opened()
        new_member("ada@staff.example", "agent")
        assert outcome(api, mail("Secret.", "ada@staff.example", proof=results("staff.example")), rcpt=plus(app, ticket.number)) == "other"

    @pytest.mark.parametrize("place", [0, 7, 23])
    def test_a_changed_plus_address_finds_nothing(self, place: int, api: Api, app: Flask) -> None:
        ticket = opened()
        address = plus(app, ticket.number)
        at = address.index("+") + 1 + place
        changed = address[:at] + ("a" if address[at] != "a" else "b") + address[at + 1 :]
        assert outcome(api, mail(proof=PASS), rcpt=changed) == "ticket"


class TestWithoutAnAccount:
    def test_a_question_of_anyone_is_a_ticket_that_is_answered_by_mail(self, api: Api, work: Work, smtp: Server) -> None:
        assert outcome(api, mail("What is a VPS?", STRANGER, "Prices")) == "ticket"
        (ticket,) = tickets()
        assert (ticket.account_id, ticket.contact_name) == (None, "Jane Doe")
        assert db.session.get_one(Mailbox, ticket.contact_mailbox_id).email == "jane@else.example"
        answered(ticket, "A **server**.")
        work()
        received, answer = smtp.mails
        assert (received.to, answer.to) == ("jane@else.example", "jane@else.example")
        assert answer.message["Subject"] == f"[#{ticket.number}] Prices"
        assert "A <strong>server</strong>." in answer.html
        assert "To add something, reply to this mail." in answer.text
        assert answer.message["Auto-Submitted"] == "auto-generated"
        for sent in (received, answer):
            assert re.fullmatch(r"support\+[a-z2-7]{24}@provider\.example", sent.message["Reply-To"])
            assert "/tickets/" not in sent.text
            assert "/inbox" not in sent.text
            assert "send-email" not in sent.html

    def test_answers_go_to_the_sender_and_never_where_reply_to_says(self, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail(sender=STRANGER, headers={"Reply-To": "victim@victim.example"}))
        work()
        assert [sent.to for sent in smtp.mails] == ["jane@else.example"]

    def test_they_go_on_by_replying(self, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail("Hello", STRANGER))
        work()
        (ticket,) = tickets()
        sent = smtp.mails[-1].message
        assert outcome(api, mail("More", STRANGER), rcpt=sent["Reply-To"]) == "reply"
        assert outcome(api, mail("And more", STRANGER, headers={"References": sent["References"]})) == "reply"
        assert messages(ticket) == ["Hello", "More", "And more"]
        work()
        assert len(smtp.mails) == 1  # replies are not acknowledged

    def test_whoever_knows_the_number_alone_is_nobody(self, api: Api) -> None:
        outcome(api, mail("Hello", STRANGER))
        (ticket,) = tickets()
        assert outcome(api, mail("Me too", STRANGER, f"[#{ticket.number}] Hello", id="<2@x>")) == "ticket"
        assert outcome(api, mail("Me too", STRANGER, f"[#{ticket.number}] Hello", results("else.example"), id="<3@x>")) == "reply"

    def test_somebody_else_who_replies_gets_a_ticket_of_their_own(self, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail("Hello", STRANGER))
        work()
        assert outcome(api, mail("Me too", "joe@third.example"), rcpt=smtp.mails[-1].message["Reply-To"]) == "ticket"
        assert [ticket.contact_name for ticket in tickets()] == ["Jane Doe", None]

    def test_a_question_first_opens_no_door_to_accounts(self, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail("Hello", STRANGER))
        work()
        assert outcome(api, mail("Now cancel #123456.", STRANGER, id="<2@x>"), rcpt=smtp.mails[-1].message["Reply-To"]) == "held"

    def test_who_has_an_account_by_now_goes_on_where_they_asked(self, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail("Hello", STRANGER))
        work()
        customer(api, "C-3", registered_email="jane@else.example", services=[])
        raw = mail("More", STRANGER, proof=results("else.example"), id="<2@x>")
        assert outcome(api, raw, rcpt=smtp.mails[-1].message["Reply-To"]) == "reply"

    def test_a_name_that_looks_like_an_address_is_left_out(self, api: Api) -> None:
        outcome(api, mail(sender='"ceo@big.example" <jane@else.example>'))
        assert [ticket.contact_name for ticket in tickets()] == [None]

    @pytest.mark.parametrize("sender", ["nonsense", "a@b.example, c@d.example", "Group: a@b.example;", "<>"])
    def test_whoever_cannot_be_answered_is_heard_all_the_same(self, sender: str, api: Api, work: Work, smtp: Server) -> None:
        assert outcome(api, mail(sender=sender)) == "ticket"
        answered(tickets()[0])
        work()
        assert smtp.mails == []


class TestHeld:
    @pytest.mark.parametrize(
        ("sender", "body"),
        [
            (OWNER, "Hello"),
            (f"{OWNER}, evil@x.example", "Hello"),
            (f'"{OWNER}" <evil@x.example>', "Hello"),
            (STRANGER, "Please cancel #123456 now."),
            (STRANGER, "Order 123456, please."),
            (STRANGER, "Reboot 203.0.113.7!"),
            (STRANGER, "(203.0.113.7)"),
        ],
        ids=[
            "a known address",
            "one of two",
            "a name that looks like one",
            "an order number",
            "an order number without its mark",
            "an address",
            "an address in brackets",
        ],
    )
    def test_what_concerns_an_account_waits(self, sender: str, body: str, api: Api) -> None:
        assert outcome(api, mail(body, sender)) == "held"
        assert tickets() == []
        assert [item["kind"] for item in api.get("/v1/accounts/C-1/inbox").json["items"]] == []

    @pytest.mark.parametrize(
        "body",
        ["Hello", "Do you have 10.0.0.1?", "#999999", "In 2026 I paid 123.45", "> #123456\n> 203.0.113.7", "1203.0.113.7", "203.0.113.77"],
    )
    def test_what_does_not_is_a_question(self, body: str, api: Api) -> None:
        assert outcome(api, mail(body, STRANGER)) == "ticket"

    def test_its_sender_is_asked_once_to_sign_in(self, api: Api, work: Work, smtp: Server) -> None:
        found = receive(api, mail("Cancel #123456. http://evil.example", STRANGER, "<script>"))
        work()
        (sent,) = smtp.mails
        assert sent.to == "jane@else.example"
        assert f"https://notify.provider.example/tickets/mail/{found['id']}" in sent.text
        assert (sent.message["Auto-Submitted"], sent.message["In-Reply-To"]) == ("auto-replied", "<m1@one.example>")
        assert "evil" not in sent.raw.decode()
        assert "script" not in sent.message["Subject"]

    def test_nobody_buries_what_an_account_waits_for(self, api: Api) -> None:
        found = [outcome(api, mail("#123456", f"{number}@else.example", id=f"<{number}@x>")) for number in range(22)]
        assert found == ["held"] * 20 + ["flood"] * 2
        assert outcome(api, mail("#123456 and #222222", STRANGER)) == "held"

    def test_run_again_it_waits_again_and_nobody_is_asked_again(self, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail())
        again(last_mail().id, work)
        assert last_mail().outcome == "held"
        assert len(smtp.mails) == 1


class TestTwice:
    def test_the_same_mail_to_two_of_our_addresses_is_one(self, api: Api) -> None:
        assert outcome(api, mail(proof=PASS)) == "ticket"
        assert (
            outcome(api, mail(proof=PASS, headers={"Delivered-To": "sales@provider.example"}), rcpt="sales@provider.example") == "repeated"
        )
        assert len(tickets()) == 1

    def test_the_same_words_in_another_mail_are_another(self, api: Api) -> None:
        assert outcome(api, mail(proof=PASS)) == "ticket"
        assert outcome(api, mail(proof=PASS, id="<m2@one.example>")) == "ticket"

    def test_run_again_a_mail_that_is_in_a_ticket_stays_there(self, api: Api, app: Flask, work: Work, smtp: Server) -> None:
        outcome(api, mail(proof=PASS))
        (ticket,) = tickets()
        again(last_mail().id, work)
        assert (last_mail().outcome, last_mail().ticket_id) == ("ticket", ticket.id)
        outcome(api, mail("More", proof=PASS, id="<m2@one.example>"), rcpt=plus(app, ticket.number))
        again(last_mail().id, work)
        assert (last_mail().outcome, last_mail().ticket_id) == ("reply", ticket.id)
        assert len(messages(ticket)) == 2


class TestAnsweringAutomatically:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Precedence": "bulk"}, {"Precedence": "List"}, {"List-Id": "<news.else.example>"}, {"List-Unsubscribe": "<mailto:x@y>"},
            {"X-Auto-Response-Suppress": "OOF, AutoReply"}, {"X-Loop": "x"},
        ],
        ids=str,
    )  # fmt: skip
    @pytest.mark.parametrize("body", ["Hello", "#123456"], ids=["a ticket", "held"])
    def test_never_to_lists_and_bulk(self, headers: dict[str, str], body: str, api: Api, work: Work, smtp: Server) -> None:
        assert outcome(api, mail(body, STRANGER, headers=headers)) in ("ticket", "held")
        work()
        assert smtp.mails == []

    def test_never_to_a_null_sender(self, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail(sender=STRANGER), mail_from="")
        work()
        assert smtp.mails == []

    @pytest.mark.parametrize("sender", ["no-reply@x.example", "noreply+1@x.example", "MAILER-DAEMON@x.example", "owner-news@x.example"])
    def test_never_to_addresses_that_nobody_reads(self, sender: str, api: Api, work: Work, smtp: Server) -> None:
        outcome(api, mail(sender=sender))
        work()
        assert smtp.mails == []

    @pytest.mark.parametrize(
        ("name", "value"), [("Auto-Submitted", "auto-generated"), ("X-Autoreply", "yes"), ("Precedence", "auto_reply")]
    )
    def test_what_was_sent_automatically_is_no_ticket(self, name: str, value: str, api: Api, work: Work, smtp: Server) -> None:
        assert outcome(api, mail(sender=STRANGER, headers={name: value})) == "auto_reply"
        work()
        assert (tickets(), smtp.mails) == ([], [])

    @pytest.mark.parametrize(
        "sender", [SUPPORT, "Provider <SUPPORT@provider.example>", "support+x@provider.example", "bounces@provider.example"]
    )
    def test_a_mail_of_ours_is_a_loop(self, sender: str, api: Api, work: Work, smtp: Server) -> None:
        assert outcome(api, mail(sender=sender)) == "loop"
        assert outcome(api, mail(sender=STRANGER, headers=tuple(("Received", "from a by b") for _ in range(51)))) == "loop"
        work()
        assert smtp.mails == []

    @pytest.mark.parametrize("body", ["Hello", "#123456"], ids=["tickets", "held"])
    def test_two_that_answer_each_other_stop_by_themselves(self, body: str, api: Api, work: Work, smtp: Server) -> None:
        """The other one knows no marks, and answers whatever comes."""
        outcome(api, mail(body, STRANGER, id="<0@else.example>"))
        for turn in range(1, 20):
            work()
            if len(smtp.mails) < turn:
                break
            outcome(api, mail(body, STRANGER, f"I am away {turn}", id=f"<{turn}@else.example>"))
        assert len(smtp.mails) == 3

    def test_too_many_of_one_address_are_kept_and_no_tickets(self, api: Api) -> None:
        found = [outcome(api, mail(sender=STRANGER, id=f"<{number}@else.example>")) for number in range(11)]
        assert found == ["ticket"] * 10 + ["flood"]


def test_nothing_is_told_to_an_account_about_what_others_ask(api: Api) -> None:
    outcome(api, mail(sender=STRANGER))
    assert [item["kind"] for item in api.get("/v1/accounts/C-1/inbox").json["items"]] == []
    assert [data["stage"] for data in told()] == ["received"]
