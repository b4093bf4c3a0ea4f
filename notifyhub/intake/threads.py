"""Which ticket a mail is an answer to: by the address that it came to, else by what it refers to, else by the number in its subject."""

from __future__ import annotations

import re
import uuid
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import signing
from notifyhub.config import Settings
from notifyhub.errors import NotFound
from notifyhub.intake import parsing
from notifyhub.intake.parsing import Part
from notifyhub.models import Delivery, Notification, Ticket
from notifyhub.tickets import finding
from notifyhub.tickets.telling import SOURCE

MOST_REFERENCES = 30  # the newest ones
_TOKEN = re.compile(r"\+([a-z2-7]{24})@", re.IGNORECASE)
_THREAD = re.compile(r"<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.\w+@", re.IGNORECASE)  # as letters.py makes them
_MESSAGE = re.compile(r"<([a-z2-7]{39})@", re.IGNORECASE)
_NUMBER = re.compile(r"\[#(\d{1,12})\]", re.ASCII)


class Thread(NamedTuple):
    ticket: Ticket
    is_ours: bool  # by something that only whoever got a mail of this ticket can know


def find(session: Session, settings: Settings, rcpt: str, message: Part) -> Thread | None:
    ticket = _by_address(session, settings, rcpt, message) or _by_reference(session, settings, message)
    if ticket:
        return Thread(ticket, True)
    ticket = _by_number(session, message)
    return Thread(ticket, False) if ticket else None


def _by_address(session: Session, settings: Settings, rcpt: str, message: Part) -> Ticket | None:
    named = [rcpt, *(parsing.header(message, name) for name in ("To", "Cc", "Delivered-To", "X-Original-To"))]
    for token in _TOKEN.findall(" ".join(named)):
        number = signing.read_ticket_token(settings, token)
        if number is not None and (ticket := _ticket(session, number)):
            return ticket
    return None


def _by_reference(session: Session, settings: Settings, message: Part) -> Ticket | None:
    named = " ".join(parsing.headers(message, "References")[:1] + parsing.headers(message, "In-Reply-To")[:1])
    for id in reversed(re.findall(r"<[^<>\s]{1,250}>", named)[-MOST_REFERENCES:]):
        if thread := _THREAD.match(id):
            ticket = session.get(Ticket, uuid.UUID(thread[1]))
        elif (sent := _MESSAGE.match(id)) and (delivery := signing.read_delivery_token(settings, sent[1])):
            ticket = _told_by(session, delivery)
        else:
            continue
        if ticket:
            return ticket
    return None


def _told_by(session: Session, delivery_id: uuid.UUID) -> Ticket | None:
    query = select(Notification.source_ref).join(Delivery, Delivery.notification_id == Notification.id)
    ref = session.execute(query.where(Delivery.id == delivery_id, Notification.source == SOURCE)).scalar()
    return session.get(Ticket, uuid.UUID(ref)) if ref else None


def _by_number(session: Session, message: Part) -> Ticket | None:
    found = _NUMBER.search(parsing.header(message, "Subject"))
    return _ticket(session, int(found[1])) if found else None


def _ticket(session: Session, number: int) -> Ticket | None:
    try:
        return finding.find(session, number)
    except NotFound:
        return None
