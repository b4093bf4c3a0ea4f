"""What tests of the chat do again and again."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from notifyhub.chat import conversation, handing, lapsing, presence
from notifyhub.chat.visitors import Visitor
from notifyhub.database import db, new_id, transaction, utcnow
from notifyhub.models import Account, Chat, ChatMessage, Staff, Ticket
from tests.tickets.steps import agent, apart

PATIENCE = timedelta(minutes=3)
PROMISE = 10
PLACE = "192.0.2.1"


def token(name: str = "one") -> str:
    """As a browser makes it up, but the same each time."""
    return hashlib.sha256(name.encode()).hexdigest()


def number(seed: object) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, str(seed))


def account_id(external_id: str = "C-1") -> int:
    with transaction() as session:
        return session.scalars(select(Account.id).where(Account.external_id == external_id)).one()


def asked(
    body: str = "Is there a discount?", name: str = "one", id: uuid.UUID | None = None, now: datetime | None = None, **visitor: Any
) -> ChatMessage:
    """By an anonymous visitor, unless an account_id is given."""
    with transaction() as session:
        who = Visitor(**{"place": PLACE} | visitor)
        message = conversation.ask(session, token(name), who, id or uuid.uuid4(), body, PATIENCE, now or utcnow())
    return apart(message)


def answered(
    body: str = "Yes, for a year.", name: str = "one", by: Staff | None = None, id: uuid.UUID | None = None, now: datetime | None = None
) -> ChatMessage:
    by = by or someone()
    with transaction() as session:
        message = conversation.answer(session, read(name).id, by, id or uuid.uuid4(), body, now or utcnow())
    return apart(message)


def someone() -> Staff:
    """An agent, the same each time."""
    with transaction() as session:
        found = session.scalars(select(Staff).where(Staff.email_key == "ada@staff.example")).first()
    return apart(found) if found else agent()


def present(by: Staff | None = None, now: datetime | None = None, console: uuid.UUID | None = None) -> uuid.UUID:
    by, console = by or someone(), console or new_id()
    with transaction() as session:
        presence.say(session, console, by.id, now or utcnow())
    return console


def gone(console: uuid.UUID) -> None:
    with transaction() as session:
        presence.leave(session, console)


def swept(now: datetime) -> None:
    """As the sweep does it."""
    db.session.remove()
    with transaction() as session:
        ids = lapsing.due(session, now)
    for id in ids:
        with transaction() as session:
            lapsing.lapse(session, id, PATIENCE, PROMISE, now)
    db.session.remove()


def addressed(email: str = "guest@visitor.example", name: str = "one", now: datetime | None = None) -> None:
    with transaction() as session:
        handing.leave_address(session, token(name), email, "", PLACE, PROMISE, now or utcnow())
    db.session.remove()


def handed_over(department: str = "technical", priority: str = "regular", name: str = "one", by: Staff | None = None) -> Ticket:
    by = by or someone()
    with transaction() as session:
        ticket = handing.hand_over(session, read(name).id, by, department, priority, PROMISE, utcnow())
    return apart(ticket)


def ended(name: str = "one", by: str = "visitor") -> None:
    with transaction() as session:
        conversation.end(session, conversation.lock(session, conversation.find(session, token(name))), by, utcnow())
    db.session.remove()


def read(name: str = "one") -> Chat:
    """As it stands now."""
    db.session.remove()
    with transaction() as session:
        return apart(conversation.find(session, token(name)))


def told(name: str = "one") -> list[str]:
    """What was said, and what happened, in order."""
    db.session.remove()
    with transaction() as session:
        rows = conversation.messages(session, conversation.find(session, token(name)).id)
        return [f"({row.event})" if row.event else f"{row.author}: {row.body}" for row in rows]


def rows(name: str = "one") -> list[ChatMessage]:
    db.session.remove()
    with transaction() as session:
        return [*conversation.messages(session, conversation.find(session, token(name)).id)]


def ticket_of(name: str = "one") -> Ticket:
    with transaction() as session:
        return apart(session.get_one(Ticket, read(name).ticket_id))
