"""Mails that came in, as staff look them through."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from notifyhub.database import among
from notifyhub.models import Account, Delivery, HeldMail, IncomingMail, Mailbox, Notification, Ticket


class Line(NamedTuple):
    mail: IncomingMail
    address: str | None  # of the delivery that it is about
    account: str | None
    ticket: int | None  # the number of what it became
    held_for: list[str]  # external ids of accounts


def page(session: Session, outcome: str | None, before: tuple[datetime, uuid.UUID] | None, limit: int) -> list[Line]:
    """Newest first."""
    query: Any = (
        select(IncomingMail, Mailbox.email, Account.external_id, Ticket.number)
        .outerjoin(Delivery, Delivery.id == IncomingMail.delivery_id)
        .outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id)
        .outerjoin(Notification, Notification.id == Delivery.notification_id)
        .outerjoin(Account, Account.id == Notification.account_id)
        .outerjoin(Ticket, Ticket.id == IncomingMail.ticket_id)
    )
    if outcome:
        query = query.where(IncomingMail.outcome == outcome)
    if before:
        query = query.where(tuple_(IncomingMail.received_at, IncomingMail.id) < tuple_(*before))
    rows: Any = session.execute(query.order_by(IncomingMail.received_at.desc(), IncomingMail.id.desc()).limit(limit)).all()
    held = _held(session, [mail.id for mail, *_ in rows if mail.outcome == "held"])
    return [Line(mail, email, account, ticket, held[mail.id]) for mail, email, account, ticket in rows]


def _held(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    query = select(HeldMail.mail_id, Account.external_id).join(Account, Account.id == HeldMail.account_id)
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    rows: Any = session.execute(query.where(among(session, HeldMail.mail_id, ids)).order_by(Account.external_id))
    for id, external_id in rows:
        found[id].append(external_id)
    return found
