"""What becomes of a ticket, told: to its customer through the core, and to whoever follows it on a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import dispatch, wake
from notifyhub.files import described
from notifyhub.kinds import KINDS
from notifyhub.models import Service, StoredFile, Ticket, TicketMessage
from notifyhub.tickets import contacts
from notifyhub.tickets.states import By

SOURCE = "ticket"  # of what customers are told
QUEUE = "tickets"  # whoever looks at the queue follows this


def topic(ticket: Ticket) -> str:
    """Whoever looks at this ticket follows this."""
    return f"ticket:{ticket.id}"


def signal(session: Session, ticket: Ticket) -> None:
    wake.news_after_commit(session, (QUEUE, topic(ticket)))


def tell_received(session: Session, ticket: Ticket, now: datetime, answers: str | None = None) -> None:
    """`answers`: the Message-ID of the mail that it is the automatic answer to."""
    data = {"stage": "received", "promised_at": ticket.promised_at.isoformat()}
    _tell(session, ticket, data if answers is None else data | {"answers": answers}, now)


def tell_reply(
    session: Session, ticket: Ticket, message: TicketMessage, by: By, files: Sequence[StoredFile], changes: Mapping[str, str], now: datetime
) -> None:
    """With what changed by it: {field: what it is now}. That it waits for an answer goes without saying."""
    data: dict[str, Any] = {"stage": ("answer" if message.body else "files") if by.staff is None else "signed"}
    if by.staff:
        data["answer_by" if message.body else "files_by"] = by.staff.name
    if message.body:
        data["reply_markdown"] = message.body
    if files:
        data["files"] = [described(file) for file in files]
    said = {field: value for field, value in changes.items() if value != "waiting_for_customer"}
    _tell(session, ticket, data | said, now)


def tell_changes(session: Session, ticket: Ticket, changes: Mapping[str, str], now: datetime) -> None:
    """{field: what it is now}"""
    if changes:
        _tell(session, ticket, {"stage": "changed", **changes}, now)


def _tell(session: Session, ticket: Ticket, data: Mapping[str, Any], now: datetime) -> None:
    named = contacts.named(session, ticket) if ticket.account_id is None else None
    if named == ():
        return
    ticket.revision += 1
    common: dict[str, Any] = {"ticket": str(ticket.number), "subject": ticket.subject, "path": f"/tickets/{ticket.number}"}
    kind = KINDS["ticket" if named is None else "ticket_contact"]
    telling = dispatch.Telling(kind, SOURCE, str(ticket.id), ticket.revision, {**common, **data}, named)
    dispatch.accept(session, telling, now, ticket.account_id, _services(session, ticket))


def _services(session: Session, ticket: Ticket) -> list[tuple[str, str]]:
    """The one that the incident names, as it is called now."""
    number = (ticket.incident or {}).get("order_number")
    query = select(Service.order_number, Service.name).where(Service.account_id == ticket.account_id, Service.order_number == number)
    return [(number, name) for number, name in session.execute(query)] if number else []
