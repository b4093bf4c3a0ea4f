"""Which agents are there: those whose console is open. It says so again and again, so that after a crash nobody seems to be there."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from notifyhub import wake
from notifyhub.chat import telling
from notifyhub.database import changed
from notifyhub.models import ChatPresence, Staff

SAID_EVERY = timedelta(seconds=15)
GONE_AFTER = timedelta(seconds=45)


def say(session: Session, console: uuid.UUID, staff_id: int, now: datetime) -> None:
    if not changed(session, update(ChatPresence).where(ChatPresence.id == console).values(seen_at=now)):
        session.add(ChatPresence(id=console, staff_id=staff_id, seen_at=now))
        wake.news_after_commit(session, (telling.QUEUE,))


def leave(session: Session, console: uuid.UUID) -> None:
    session.execute(delete(ChatPresence).where(ChatPresence.id == console))
    wake.news_after_commit(session, (telling.QUEUE,))


def there(session: Session, now: datetime) -> Sequence[str]:
    """Their names."""
    return session.scalars(_there(now).with_only_columns(Staff.name).distinct().order_by(Staff.name)).all()


def someone(session: Session, now: datetime) -> bool:
    return bool(session.execute(select(_there(now).exists())).scalar())


def is_there(session: Session, staff_id: int | None, now: datetime) -> bool:
    return bool(session.execute(select(_there(now).where(Staff.id == staff_id).exists())).scalar())


def _there(now: datetime) -> Select[Any]:
    open_ones = select(ChatPresence.id).join(Staff, Staff.id == ChatPresence.staff_id)
    return open_ones.where(ChatPresence.seen_at > now - GONE_AFTER, Staff.disabled_at.is_(None))


def prune(session: Session, now: datetime) -> None:
    session.execute(delete(ChatPresence).where(ChatPresence.seen_at < now - GONE_AFTER))
