"""Mails that came in, as staff look them through."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from notifyhub.models import Account, Delivery, IncomingMail, Mailbox, Notification


class Line(NamedTuple):
    mail: IncomingMail
    address: str | None  # of the delivery that it is about
    account: str | None


def page(session: Session, outcome: str | None, before: tuple[datetime, uuid.UUID] | None, limit: int) -> list[Line]:
    """Newest first."""
    query: Any = (
        select(IncomingMail, Mailbox.email, Account.external_id)
        .outerjoin(Delivery, Delivery.id == IncomingMail.delivery_id)
        .outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id)
        .outerjoin(Notification, Notification.id == Delivery.notification_id)
        .outerjoin(Account, Account.id == Notification.account_id)
    )
    if outcome:
        query = query.where(IncomingMail.outcome == outcome)
    if before:
        query = query.where(tuple_(IncomingMail.received_at, IncomingMail.id) < tuple_(*before))
    rows = session.execute(query.order_by(IncomingMail.received_at.desc(), IncomingMail.id.desc()).limit(limit))
    return [Line(*row) for row in rows]
