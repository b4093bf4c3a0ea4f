"""Tickets of people without an account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from notifyhub.database import transaction, utcnow
from notifyhub.emails import parse_email
from notifyhub.errors import TooMany
from notifyhub.files import PNG as IMAGE
from notifyhub.files import Checked
from notifyhub.models import Ticket
from notifyhub.tickets import opening
from notifyhub.tickets.contacts import Contact
from tests.conftest import Api
from tests.files import PNG
from tests.smtp import Server
from tests.tickets.steps import answered, apart, changed, document, noted, whole

JANE = Contact(parse_email("Jane@Else.example"), "Jane Doe")


def opened_for(contact: Contact | None = JANE, minutes_ago: int = 0) -> Ticket:
    with transaction() as session:
        moment = utcnow() - timedelta(minutes=minutes_ago)
        ticket = opening.open_ticket(session, None, document(), (), "chat", 10, moment, contact)
    return apart(ticket)


@pytest.fixture(autouse=True)
def ready(app: Flask) -> None:
    pass


def test_they_are_told_by_mail_alone(work: Callable[[], None], smtp: Server) -> None:
    ticket = opened_for()
    noted(ticket, "secret")
    answered(ticket, "It was **you**.", files=[Checked("shot.png", IMAGE, PNG)])
    changed(ticket, status="resolved")
    work()
    assert [mail.to for mail in smtp.mails] == ["Jane@else.example"] * 3
    received, answer, resolved = (mail.text for mail in smtp.mails)
    assert f"We have received your ticket #{ticket.number}." in received
    assert "It was you." in answer
    assert "We consider this ticket resolved." in resolved
    assert [part.get_filename() for part in smtp.mails[1].message.iter_attachments()] == ["shot.png"]
    assert "secret" not in str([mail.raw for mail in smtp.mails])
    assert len({str(mail.message["References"]) for mail in smtp.mails}) == 1


def test_no_mail_of_theirs_leads_into_the_client_area(work: Callable[[], None], smtp: Server) -> None:
    answered(opened_for())
    work()
    for mail in smtp.mails:
        assert "https://notify.provider.example" not in mail.text
        assert "https://notify.provider.example" not in mail.html


def test_what_came_by_no_mail_is_no_automatic_answer(work: Callable[[], None], smtp: Server) -> None:
    opened_for()
    work()
    assert smtp.mails[0].message["Auto-Submitted"] == "auto-generated"
    assert "Precedence" not in smtp.mails[0].message


def test_whoever_left_no_address_is_not_told(work: Callable[[], None], smtp: Server) -> None:
    answered(opened_for(None))
    work()
    assert smtp.mails == []


def test_by_api_they_stand_where_an_account_would(api: Api) -> None:
    ticket = opened_for()
    found = api.get(f"/v1/tickets/{ticket.number}").json
    assert (found["account"], found["contact"]) == (None, {"name": "Jane Doe", "email": "Jane@else.example"})
    contact = whole(ticket).contact
    assert contact is not None
    assert contact.email == "Jane@else.example"


@pytest.mark.parametrize(
    ("name", "kept"),
    [("  Jane\n Doe ", "Jane Doe"), ("x" * 500, "x" * 100), ("", None), ("\u202e\x00", None), ("owner@one.example", None), ("a＠b", None)],
    ids=["spaces", "long", "none", "unseen", "an address", "another kind of @"],
)
def test_names_are_one_short_line_and_no_address(name: str, kept: str | None) -> None:
    assert opened_for(JANE._replace(name=name)).contact_name == kept


def test_one_address_opens_ten_an_hour() -> None:
    for _ in range(10):
        opened_for(minutes_ago=30)
    with pytest.raises(TooMany) as refused:
        opened_for(Contact(parse_email("jane@ELSE.example")))
    assert 29 * 60 < refused.value.retry_after <= 30 * 60 + 1
    opened_for(Contact(parse_email("joe@else.example")))
