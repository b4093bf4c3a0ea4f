"""Announcements as staff look through them: those that matter now, drafts, and all there ever were."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from notifyhub.models import Announcement, Revision

VIEWS = ("current", "drafts", "all")


class Row(NamedTuple):
    announcement: Announcement
    revision: Revision | None  # the newest one


def page(
    session: Session, view: str, before: tuple[datetime, uuid.UUID] | None, limit: int, now: datetime
) -> tuple[list[Row], tuple[datetime, uuid.UUID] | None]:
    """Newest first, with where the next page goes on."""
    query = select(Announcement, Revision).outerjoin(
        Revision, and_(Revision.announcement_id == Announcement.id, Revision.number == Announcement.revision)
    )
    if before:
        query = query.where(tuple_(Announcement.created_at, Announcement.id) < tuple_(*before))
    query = query.where(_in(view, now)).order_by(Announcement.created_at.desc(), Announcement.id.desc()).limit(limit + 1)
    rows = [Row(*found) for found in session.execute(query)]
    last = rows[limit - 1].announcement if len(rows) > limit else None
    return rows[:limit], (last.created_at, last.id) if last else None


def _in(view: str, now: datetime) -> Any:
    """`current`: published, and its window is not over; without a window, or without an end, until it is completed."""
    if view == "drafts":
        return Announcement.status == "draft"
    if view == "current":
        open_ended = and_(Announcement.ends_at.is_(None), Announcement.starts_at.is_not(None))
        return and_(Announcement.status.in_(("scheduled", "published", "in_progress")), or_(Announcement.ends_at > now, open_ended))
    return Announcement.id.is_not(None)


def stage(announcement: Announcement, now: datetime) -> str:
    """What its window says: coming, running, over; or none."""
    if announcement.status == "draft" or announcement.starts_at is None:
        return ""
    if now < announcement.starts_at:
        return "coming"
    return "running" if announcement.ends_at is None or now < announcement.ends_at else "over"


def drafts(session: Session) -> int:
    return session.execute(select(func.count()).where(Announcement.status == "draft")).scalar_one()
