"""How soon visitors were answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub.models import Chat

WITHIN = timedelta(days=30)
FEWEST = 5  # below it, a figure says nothing
MOST = 2000  # are looked at, the newest: a page shows it


def median_answer(session: Session, now: datetime) -> float | None:
    """Seconds from a visitor's first message to the first answer of an agent. None: there are too few to say."""
    taken = first_answers(session, now)
    return median(time.total_seconds() for time in taken) if len(taken) >= FEWEST else None


def first_answers(session: Session, now: datetime) -> list[timedelta]:
    """How long each took, of the conversations of the last 30 days that had one."""
    answered = select(Chat.created_at, Chat.answered_at).where(Chat.answered_at.is_not(None), Chat.created_at > now - WITHIN)
    rows: Any = session.execute(answered.order_by(Chat.created_at.desc()).limit(MOST))
    return [answered_at - created_at for created_at, answered_at in rows]
