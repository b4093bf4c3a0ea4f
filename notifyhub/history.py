"""Deliveries as they are looked up: those that were carried, and the inbox's, whose rows are the notifications themselves."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from notifyhub.channels.inbox import arrived
from notifyhub.kinds import Lane
from notifyhub.models import Account, Delivery, Mailbox, Notification

CARRIED: Any = (
    select(Delivery, Account.external_id, Mailbox.email)
    .join(Notification, Notification.id == Delivery.notification_id)
    .outerjoin(Account, Account.id == Notification.account_id)
    .outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id)
)
ARRIVED: Any = (
    select(Notification, Account.external_id)
    .outerjoin(Account, Account.id == Notification.account_id)
    .where(Notification.inbox_rule.is_not(None))
)


class Wanted(NamedTuple):
    account: str | None = None  # external id
    state: str | None = None
    address: str | None = None  # as addresses are compared


def page(session: Session, wanted: Wanted, before: tuple[datetime, uuid.UUID] | None, limit: int) -> list[dict[str, Any]]:
    """Newest first."""
    carried = CARRIED.where(Mailbox.key == wanted.address) if wanted.address else CARRIED
    if wanted.state:
        carried = carried.where(Delivery.state == wanted.state)
    found = [_carried(*row) for row in session.execute(_newest(carried, wanted, Delivery.queued_at, Delivery.id, before, limit))]
    if wanted.address is None and wanted.state in (None, "sent"):
        rows = session.execute(_newest(ARRIVED, wanted, Notification.created_at, Notification.id, before, limit))
        found += [_arrived(*row) for row in rows]
    return sorted(found, key=lambda item: (item["queued_at"], item["id"]), reverse=True)[:limit]


def _newest(query: Select[Any], wanted: Wanted, at: Any, id: Any, before: tuple[datetime, uuid.UUID] | None, limit: int) -> Select[Any]:
    if wanted.account:
        query = query.where(Account.external_id == wanted.account)
    if before:
        query = query.where(tuple_(at, id) < tuple_(*before))
    return query.order_by(at.desc(), id.desc()).limit(limit)


def find(session: Session, id: uuid.UUID) -> dict[str, Any] | None:
    if carried := session.execute(CARRIED.where(Delivery.id == id)).first():
        return _carried(*carried)
    if notification := session.execute(ARRIVED.where(Notification.id == id)).first():
        return _arrived(*notification)
    return None


def _carried(delivery: Delivery, external_id: str | None, email: str | None) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "notification": delivery.notification_id,
        "account": external_id,
        "channel": delivery.channel,
        "address": email or None,
        "lane": Lane(delivery.lane).name,
        "state": delivery.state,
        "rule": delivery.rule,
        "reason": delivery.reason,
        "attempts": delivery.attempts,
        "queued_at": delivery.queued_at,
        "next_attempt_at": delivery.due_at if delivery.state == "queued" else None,
        "sent_at": delivery.sent_at,
    }


def _arrived(notification: Notification, external_id: str | None) -> dict[str, Any]:
    return {
        "id": notification.id,
        "notification": notification.id,
        "account": external_id,
        **arrived(notification.inbox_rule)[0],
        "lane": Lane(notification.lane).name,
        "rule": notification.inbox_rule,
        "attempts": [],
        "queued_at": notification.created_at,
        "next_attempt_at": None,
        "sent_at": notification.created_at,
    }
