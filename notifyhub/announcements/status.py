"""What customers see as the state of the services: announcements that are under way, planned, and past.

Everyone sees those that are public (docs/decisions/0014), an account besides those that it was told.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from notifyhub.announcements.audience import LIST_KEYS
from notifyhub.database import among
from notifyhub.languages import choose_locale
from notifyhub.markdown import filled, one_line
from notifyhub.models import Account, Announcement, Notification

PUBLISHED = ("published", "in_progress", "completed", "cancelled")
OVER = ("completed", "cancelled")
PUBLIC_KEYS = ("locations", "nodes", "products")  # and `all`: whoever reads them learns of no single customer
PAST = timedelta(days=30)
MOST = 40  # of one part


class Entry(NamedTuple):
    id: uuid.UUID
    kind: str
    status: str
    impact: str | None
    title: str
    starts_at: datetime | None
    ends_at: datetime | None
    published_at: datetime
    services: list[str] | None  # the reader's own that are affected; None: it is not told to the reader
    item: uuid.UUID | None  # of the reader's inbox


class Status(NamedTuple):
    now: list[Entry]
    planned: list[Entry]
    recent: list[Entry]  # news and changes, which have no window
    past: list[Entry]


def read(session: Session, account: Account | None, locale: str, default_locale: str, now: datetime) -> Status:
    """`locale`: of the reader, whose titles fall back as mails do."""
    found = session.execute(_current(now)).all()
    told = _told(session, account, [row.id for row in found], min((row.published_at for row in found), default=now)) if account else {}
    shown = [row for row in found if row.public or str(row.id) in told]
    parts: dict[str, list[Any]] = {"now": [], "planned": [], "recent": [], "past": []}
    for row in shown:
        parts[_part(row, now)].append(row)
    parts["now"].sort(key=lambda row: row.starts_at or row.published_at, reverse=True)
    parts["planned"].sort(key=lambda row: row.starts_at)
    parts["recent"].sort(key=lambda row: row.published_at, reverse=True)
    parts["past"].sort(key=lambda row: row.over_at, reverse=True)
    kept = {name: rows[:MOST] for name, rows in parts.items()}
    contents = _contents(session, [row.id for rows in kept.values() for row in rows])

    def entry(row: Any) -> Entry:
        mine = told.get(str(row.id))
        text = contents[row.id][choose_locale(locale, contents[row.id], default_locale)]
        title = one_line(filled(text["title"], {"account_name": account.name if account and mine else "…"}))
        services = [name or number for number, name in mine.services] if mine else None
        return Entry(
            row.id,
            row.kind,
            row.status,
            row.impact,
            title,
            row.starts_at,
            row.ends_at,
            row.published_at,
            services,
            mine.id if mine else None,
        )

    return Status(**{name: [entry(row) for row in rows] for name, rows in kept.items()})


def _current(now: datetime) -> Any:
    """What is not over yet, and what has not been for long. Without the texts, which may be long too."""
    closed_at = func.coalesce(Announcement.updated_at, Announcement.published_at)
    over_at = func.coalesce(Announcement.ends_at, closed_at)
    is_open = and_(Announcement.status.not_in(OVER), or_(Announcement.ends_at > now, Announcement.ends_at.is_(None)))
    return select(
        Announcement.id, Announcement.kind, Announcement.status, Announcement.impact, Announcement.starts_at, Announcement.ends_at,
        Announcement.published_at, Announcement.updated_at, over_at.label("over_at"), _is_public().label("public"),
    ).where(Announcement.status.in_(PUBLISHED), Announcement.published_at.is_not(None)).where(
        or_(
            and_(is_open, or_(Announcement.starts_at.is_not(None), Announcement.kind.in_(UNTIL_COMPLETED))),
            over_at > now - PAST,
            closed_at > now - PAST,
        )
    )  # fmt: skip


UNTIL_COMPLETED = ("outage", "emergency")


def _is_public() -> Any:
    """Its audience names places and products alone. (A key that is not there is not stored either.)"""
    private = [key for key in LIST_KEYS if key not in PUBLIC_KEYS]
    paths: list[Any] = [*private, *(("except", key) for key in private)]
    return and_(*(Announcement.audience[path].as_string().is_(None) for path in paths))


def _part(row: Any, now: datetime) -> str:
    if row.status in OVER or (row.ends_at and row.ends_at <= now):
        return "past"
    if row.starts_at and row.starts_at > now:
        return "planned"
    return "now" if row.starts_at or row.kind in UNTIL_COMPLETED else "recent"


def _told(session: Session, account: Account, ids: Sequence[uuid.UUID], since: datetime) -> dict[str, Any]:
    """The newest item of each, by the announcement's id: a walk along the account's inbox, back to the oldest of them."""
    rows = session.execute(
        select(Notification.source_ref, Notification.id, Notification.services)
        .where(Notification.account_id == account.id, Notification.inbox_rule.is_not(None), Notification.created_at >= since)
        .where(Notification.source == "announcement", among(session, Notification.source_ref, [str(id) for id in ids]))
        .order_by(Notification.created_at, Notification.id)
    )
    return {row.source_ref: row for row in rows}


def _contents(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    rows = session.execute(select(Announcement.id, Announcement.content).where(among(session, Announcement.id, ids)))
    return {row.id: row.content for row in rows}
