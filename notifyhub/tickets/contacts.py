"""People without an account: a ticket of theirs has an address, and is answered by mail."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import addresses, routing
from notifyhub.emails import Email
from notifyhub.models import Mailbox, Ticket
from notifyhub.words import pasted

NAME_CHARACTERS = 100


class Contact(NamedTuple):
    email: Email
    name: str = ""  # as they call themselves, which proves nothing


class ByMail(NamedTuple):
    """What is known of something that came as a mail."""

    mail_id: uuid.UUID
    left_out: Sequence[str] = ()  # names of attachments that were not taken
    acknowledged: bool = True
    answers: str | None = None  # the Message-ID that the acknowledgement answers automatically, perhaps empty
    seems_urgent: bool = False


def attach(session: Session, ticket: Ticket, contact: Contact) -> None:
    ticket.contact_mailbox_id = addresses.mailbox_ids(session, [contact.email])[contact.email.key]
    ticket.contact_name = _name(contact.name)


def _name(text: str) -> str | None:
    """None for what looks like an address: that would pass for the one that is answered."""
    name = " ".join(pasted(text[: NAME_CHARACTERS * 4], NAME_CHARACTERS * 4).split())[:NAME_CHARACTERS]
    return None if "@" in name or "\uff20" in name else name or None


def named(session: Session, ticket: Ticket) -> tuple[routing.Mailbox, ...]:
    """As the routing core takes it; nobody, where there is no address either."""
    mailbox = find(session, ticket)
    return (routing.Mailbox(mailbox.id, mailbox.email),) if mailbox and mailbox.email else ()


def find(session: Session, ticket: Ticket) -> Mailbox | None:
    return session.get(Mailbox, ticket.contact_mailbox_id) if ticket.contact_mailbox_id else None


def since(session: Session, contact: Contact, moment: datetime, limit: int) -> Sequence[datetime]:
    """When the newest tickets of this contact were opened."""
    id = select(Mailbox.id).where(Mailbox.key == contact.email.key).scalar_subquery()
    query = select(Ticket.created_at).where(Ticket.contact_mailbox_id == id, Ticket.created_at > moment)
    return session.scalars(query.order_by(Ticket.created_at.desc()).limit(limit)).all()
