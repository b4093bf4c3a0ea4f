"""What becomes of a conversation by itself: nobody answered in time, or nobody says anything any more."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from notifyhub.chat import conversation, handing, presence, telling
from notifyhub.chat.states import GIVEN_UP
from notifyhub.errors import TooMany
from notifyhub.models import Chat

MOST_AT_ONCE = 100
PUT_OFF = timedelta(minutes=5)


def due(session: Session, now: datetime) -> Sequence[uuid.UUID]:
    return session.scalars(select(Chat.id).where(Chat.due_at <= now).order_by(Chat.due_at).limit(MOST_AT_ONCE)).all()


def lapse(session: Session, id: uuid.UUID, patience: timedelta, minutes: int, now: datetime) -> None:
    """Answered meanwhile, or seen to by another sweep: nothing. `minutes`: what is promised with a ticket."""
    chat = handing.lock_for_ticket(session, id)
    if chat.due_at is None or chat.due_at > now:
        return
    if chat.waiting_since is None or chat.status == "unanswered":
        conversation.end(session, chat, "system", now)
    elif chat.status == "running" and presence.is_there(session, chat.staff_id, now):
        chat.due_at = now + patience  # whoever answers it is at it
    elif chat.waiting_since + patience > now and presence.someone(session, now):
        chat.due_at = chat.waiting_since + patience  # nobody was there, and now somebody is
    else:
        _unanswered(session, chat, minutes, now)


def put_off(session: Session, id: uuid.UUID, now: datetime) -> None:
    """One that cannot be seen to stands in nobody's way."""
    session.execute(update(Chat).where(Chat.id == id, Chat.due_at.is_not(None)).values(due_at=now + PUT_OFF))


def _unanswered(session: Session, chat: Chat, minutes: int, now: datetime) -> None:
    if chat.nobody_at is None:
        conversation.add(session, chat, "system", now, event="late")
    if not handing.can_be_answered(chat):
        chat.status, chat.due_at, chat.updated_at = "unanswered", now + GIVEN_UP, now
        telling.signal(session, chat)
        return
    try:
        handing.make_ticket(session, chat, handing.DEPARTMENT, minutes, now)
    except TooMany as error:
        chat.due_at = now + timedelta(seconds=error.retry_after)
