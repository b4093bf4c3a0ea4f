"""How soon visitors were answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub.models import Chat

MOST = 2000  # the newest


def first_answers(session: Session, since: datetime) -> Sequence[timedelta]:
    """From a visitor's first message to the first answer of an agent, of the conversations begun since then that had one."""
    answered = select(Chat.created_at, Chat.answered_at).where(Chat.answered_at.is_not(None), Chat.created_at > since)
    rows: Any = session.execute(answered.order_by(Chat.created_at.desc()).limit(MOST))
    return [answered_at - created_at for created_at, answered_at in rows]
