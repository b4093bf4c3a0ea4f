"""Mails of people, handed over, and what became of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from notifyhub.database import db, reading
from notifyhub.models import IncomingMail, Ticket, TicketMessage
from tests.conftest import Api
from tests.intake.written import MX, OWNER, STRANGER, SUPPORT, mail, results

__all__ = ["MX", "OWNER", "STRANGER", "SUPPORT", "last_mail", "mail", "messages", "outcome", "receive", "results", "tickets"]


def receive(api: Api, raw: bytes, rcpt: str = SUPPORT, mail_from: str = "bounce@one.example") -> Any:
    query = {"rcpt": rcpt, "mail_from": mail_from, "wait": "1"}
    answer = api.post("/v1/intake/email", data=raw, content_type="message/rfc822", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json


def outcome(api: Api, raw: bytes, **envelope: str) -> str:
    found: str = receive(api, raw, **envelope)["outcome"]
    return found


def tickets() -> list[Ticket]:
    db.session.remove()
    found = list(db.session.scalars(select(Ticket).order_by(Ticket.number)))
    db.session.expunge_all()
    return found


def messages(ticket: Ticket) -> list[str]:
    with reading() as session:
        query = select(TicketMessage.body).where(TicketMessage.ticket_id == ticket.id).order_by(TicketMessage.id)
        return list(session.scalars(query))


def last_mail() -> IncomingMail:
    db.session.remove()
    found = db.session.scalars(select(IncomingMail).order_by(IncomingMail.received_at.desc(), IncomingMail.id.desc())).first()
    assert found is not None
    db.session.expunge_all()
    return found
