"""Items of an inbox as pages show them: a line in the list, and the whole of one with what belongs to it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from notifyhub import inbox
from notifyhub.config import Settings
from notifyhub.database import among
from notifyhub.models import Account, Notification, Revision, Service, ServiceAddress
from notifyhub.networks import Network

OPENING_CHARACTERS = 160
MOST_SERVICES = 50  # are shown with their addresses


class Event(NamedTuple):
    """What an announcement is about: when, and how bad."""

    impact: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Line(NamedTuple):
    id: uuid.UUID
    category: str
    kind: str
    title: str
    opening: str
    services: list[str]
    event: Event
    created_at: datetime
    read_at: datetime | None
    archived_at: datetime | None


class Affected(NamedTuple):
    order_number: str
    name: str
    addresses: list[str]


class Whole(NamedTuple):
    item: dict[str, Any]  # as inbox.shown() gives it
    event: Event
    services: list[Affected]
    more_services: int
    newer: uuid.UUID | None  # the item that replaces this one
    ticket: str | None  # the number of the one that it is about


def lines(session: Session, settings: Settings, account: Account, rows: Sequence[Notification]) -> list[Line]:
    events = _events(session, rows)
    return [
        Line(
            row.id, row.category, row.kind, item.title, " ".join(item.text[: OPENING_CHARACTERS * 2].split())[:OPENING_CHARACTERS],
            [name or number for number, name in row.services], events.get((row.source_ref, row.revision), Event()),
            row.created_at, row.read_at, row.archived_at,
        )
        for row, item in zip(rows, inbox.rendered(session, settings, account, rows), strict=True)
    ]  # fmt: skip


def whole(session: Session, settings: Settings, account: Account, row: Notification) -> Whole:
    (item,) = inbox.shown(session, settings, account, [row])
    event = _events(session, [row]).get((row.source_ref, row.revision), Event())
    services = row.services[:MOST_SERVICES]
    addresses = _addresses(session, account, [number for number, _ in services], row.created_at)
    affected = [Affected(number, name, addresses.get(number, [])) for number, name in services]
    return Whole(item, event, affected, len(row.services) - len(services), _newer(session, row), _ticket(row))


def _ticket(row: Notification) -> str | None:
    return str(row.data["ticket"]) if row.kind == "ticket" and "ticket" in row.data else None


def _events(session: Session, rows: Sequence[Notification]) -> dict[tuple[str, int], Event]:
    wanted = {(uuid.UUID(row.source_ref), row.revision) for row in rows if row.source == "announcement"}
    if not wanted:
        return {}
    columns = (Revision.announcement_id, Revision.number, Revision.impact, Revision.starts_at, Revision.ends_at)
    found = session.execute(select(*columns).where(tuple_(Revision.announcement_id, Revision.number).in_(sorted(wanted))))
    return {(str(id), number): Event(impact, starts_at, ends_at) for id, number, impact, starts_at, ends_at in found}


def _addresses(session: Session, account: Account, order_numbers: Sequence[str], then: datetime) -> dict[str, list[str]]:
    """Those that the services had when the account was told."""
    if not order_numbers:
        return {}
    query = (
        select(Service.order_number, ServiceAddress.network, ServiceAddress.prefix_length)
        .join(ServiceAddress, ServiceAddress.service_id == Service.id)
        .where(Service.account_id == account.id, among(session, Service.order_number, order_numbers))
        .where(ServiceAddress.valid_from <= then, or_(ServiceAddress.valid_to.is_(None), ServiceAddress.valid_to > then))
        .order_by(ServiceAddress.network, ServiceAddress.prefix_length)
    )
    found: dict[str, list[str]] = {}
    for number, network, length in session.execute(query):
        found.setdefault(number, []).append(str(Network(network, length)))
    return found


def _newer(session: Session, row: Notification) -> uuid.UUID | None:
    """Of the same announcement, and told to this account too: by the numbers of its revisions, each of which is one look into an index."""
    if row.source != "announcement":
        return None
    later = select(Revision.number).where(Revision.announcement_id == uuid.UUID(row.source_ref), Revision.number > row.revision)
    numbers = session.scalars(later.order_by(Revision.number)).all()
    if not numbers:
        return None
    same = (Notification.source == row.source, Notification.source_ref == row.source_ref, Notification.recipient_key == row.recipient_key)
    query = select(Notification.id).where(*same, Notification.revision.in_(numbers), Notification.inbox_rule.is_not(None))
    return session.execute(query.order_by(Notification.revision.desc()).limit(1)).scalar()
