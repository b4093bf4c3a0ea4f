"""Mails as people write them, with what the provider's mail server found out about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from notifyhub.database import db, reading
from notifyhub.models import IncomingMail, Ticket, TicketMessage
from tests.conftest import Api

MX = "mx.provider.example"
OWNER = "owner@one.example"
SUPPORT = "support@provider.example"
STRANGER = "Jane Doe <jane@else.example>"


def results(domain: str = "one.example", dmarc: str = "pass", id: str = MX) -> str:
    return f"{id};\r\n dkim=pass (2048-bit key) header.d={domain};\r\n dmarc={dmarc} (p=none dis=none) header.from={domain}"


def mail(
    body: str = "The shop is slow since this morning.",
    sender: str = f"Owner <{OWNER}>",
    subject: str = "The shop is slow",
    proof: str | None = None,
    headers: Mapping[str, str] | tuple[tuple[str, str], ...] = (),
    id: str = "<m1@one.example>",
) -> bytes:
    """`proof`: the topmost Authentication-Results, as results() makes them."""
    others = headers.items() if isinstance(headers, Mapping) else headers
    lines = [
        *([("Authentication-Results", proof)] if proof else []),
        ("Received", "from mail.one.example (mail.one.example [192.0.2.9]) by mx.provider.example; Thu, 26 Nov 2026 10:00:00 +0000"),
        ("From", sender),
        ("To", SUPPORT),
        ("Subject", subject),
        ("Message-ID", id),
        ("Date", "Thu, 26 Nov 2026 10:00:00 +0000"),
        *others,
    ]
    return "".join(f"{name}: {value}\r\n" for name, value in lines).encode() + b"\r\n" + body.replace("\n", "\r\n").encode()


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
