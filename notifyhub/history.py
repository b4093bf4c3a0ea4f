"""Deliveries as they are looked up: those that were carried, and the inbox's, whose rows are the notifications themselves."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from notifyhub.channels.inbox import arrived
from notifyhub.database import among
from notifyhub.kinds import Lane
from notifyhub.models import Account, Delivery, Mailbox, Notification, Revision

CARRIED: Any = (
    select(Delivery, Notification, Account.external_id, Mailbox.email)
    .join(Notification, Notification.id == Delivery.notification_id)
    .outerjoin(Account, Account.id == Notification.account_id)
    .outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id)
)
ARRIVED: Any = (
    select(Notification, Account.external_id)
    .outerjoin(Account, Account.id == Notification.account_id)
    .where(Notification.inbox_rule.is_not(None))
)

Before = tuple[datetime, uuid.UUID] | None


class Wanted(NamedTuple):
    account: str | None = None  # external id
    state: str | None = None
    address: str | None = None  # as addresses are compared
    lane: str | None = None


class Ids(NamedTuple):
    """What the words of a Wanted stand for; None: any."""

    account: int | None
    mailbox: int | None


def page(session: Session, wanted: Wanted, before: Before, limit: int) -> list[dict[str, Any]]:
    """Newest first."""
    ids = _look_up(session, wanted)
    if ids is None:
        return []
    lane = Lane[wanted.lane] if wanted.lane else None
    found = _carried_page(session, ids, wanted.state, lane, before, limit)
    if ids.mailbox is None and wanted.state in (None, "sent"):
        found += _arrived_page(session, ids, lane, before, limit)
    return sorted(found, key=lambda item: (item["queued_at"], item["id"]) if ids.account else item["id"], reverse=True)[:limit]


def _look_up(session: Session, wanted: Wanted) -> Ids | None:
    """None where there is no such account, or no such mailbox."""
    account = session.scalar(select(Account.id).where(Account.external_id == wanted.account)) if wanted.account else None
    mailbox = session.scalar(select(Mailbox.id).where(Mailbox.key == wanted.address)) if wanted.address else None
    if (wanted.account and account is None) or (wanted.address and mailbox is None):
        return None
    return Ids(account, mailbox)


def _carried_page(session: Session, ids: Ids, state: str | None, lane: Lane | None, before: Before, limit: int) -> list[dict[str, Any]]:
    query = select(Delivery.id)
    if ids.account is not None:
        query = query.where(Delivery.notification_id.in_(_told(ids.account)))
    if ids.mailbox is not None:
        query = query.where(Delivery.mailbox_id == ids.mailbox, Delivery.mailbox_id > 0)
    if state:  # spelled out, so that an index of some states is known to hold it
        query = query.where(Delivery.state == literal(state, literal_execute=True))
    query = query.where(*_in_lane(Delivery.lane, lane))
    newest = session.scalars(_newest(query, ids, Delivery.queued_at, Delivery.id, before, limit)).all()
    return [_carried(*row) for row in session.execute(CARRIED.where(among(session, Delivery.id, newest)))] if newest else []


def _told(account_id: int) -> Any:
    """Ids of an account's notifications, in halves that have an index each."""
    mine = select(Notification.id).where(Notification.account_id == account_id)
    return union_all(mine.where(Notification.inbox_rule.is_not(None)), mine.where(Notification.inbox_rule.is_(None)))


def _in_lane(column: Any, lane: Lane | None) -> list[Any]:
    """Spelled out as well: there is an index of the lanes that few take."""
    if lane is None:
        return []
    here = column == literal(int(lane), literal_execute=True)
    return [here] if lane == Lane.bulk else [here, column < literal(int(Lane.bulk), literal_execute=True)]


def _arrived_page(session: Session, ids: Ids, lane: Lane | None, before: Before, limit: int) -> list[dict[str, Any]]:
    query = ARRIVED.where(*_in_lane(Notification.lane, lane))
    if ids.account is not None:
        query = query.where(Notification.account_id == ids.account)
    return [_arrived(*row) for row in session.execute(_newest(query, ids, Notification.created_at, Notification.id, before, limit))]


def _newest(query: Select[Any], ids: Ids, at: Any, id: Any, before: Before, limit: int) -> Select[Any]:
    """By time within an account. Elsewhere by id alone, which is in order of time too, and which every index ends in."""
    if ids.account is None:
        return (query.where(id < before[1]) if before else query).order_by(id.desc()).limit(limit)
    if before:
        query = query.where(tuple_(at, id) < tuple_(*before))
    return query.order_by(at.desc(), id.desc()).limit(limit)


def find(session: Session, id: uuid.UUID) -> dict[str, Any] | None:
    if carried := session.execute(CARRIED.where(Delivery.id == id)).first():
        return _carried(*carried)
    if notification := session.execute(ARRIVED.where(Notification.id == id)).first():
        return _arrived(*notification)
    return None


def of_notification(session: Session, id: uuid.UUID) -> list[dict[str, Any]]:
    """All that one notification became; the inbox first."""
    found = [_arrived(*row) for row in session.execute(ARRIVED.where(Notification.id == id))]
    return found + [_carried(*row) for row in session.execute(CARRIED.where(Delivery.notification_id == id).order_by(Delivery.id))]


def _carried(delivery: Delivery, notification: Notification, external_id: str | None, email: str | None) -> dict[str, Any]:
    return {
        "id": delivery.id,
        **_told_as(notification, external_id),
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
        **_told_as(notification, external_id),
        **arrived(notification.inbox_rule)[0],
        "lane": Lane(notification.lane).name,
        "rule": notification.inbox_rule,
        "attempts": [],
        "queued_at": notification.created_at,
        "next_attempt_at": None,
        "sent_at": notification.created_at,
    }


def _told_as(notification: Notification, external_id: str | None) -> dict[str, Any]:
    return {
        "notification": notification.id,
        "account": external_id,
        "kind": notification.kind,
        "source": (notification.source, notification.source_ref, notification.revision),
    }


def titles(session: Session, items: Sequence[dict[str, Any]]) -> dict[uuid.UUID, dict[str, str]]:
    """By notification: the titles that staff wrote for it, by locale. Other kinds have none of their own."""
    wanted = {item["notification"]: item["source"] for item in items if item["source"][0] == "announcement"}
    keys = {(uuid.UUID(ref), revision) for _, ref, revision in wanted.values()}
    rows = session.execute(
        select(Revision.announcement_id, Revision.number, Revision.content).where(
            tuple_(Revision.announcement_id, Revision.number).in_(sorted(keys))
        )
    ) if keys else ()  # fmt: skip
    found = {(id, number): {locale: text["title"] for locale, text in content.items()} for id, number, content in rows}
    return {id: found.get((uuid.UUID(ref), revision), {}) for id, (_, ref, revision) in wanted.items()}
