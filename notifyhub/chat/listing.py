"""Conversations as agents see them: those that wait first, then those that run; and which of them have changed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from notifyhub.chat.states import OVER, STATUSES
from notifyhub.database import among
from notifyhub.models import Account, Chat, ChatMessage, Staff

MOST = 100  # of each kind
MOST_OVER = 20
MOST_CHANGED = 500  # are named one by one
OPENING_CHARACTERS = 120


class Line(NamedTuple):
    chat: Chat
    account: Account | None
    staff: Staff | None
    last: str  # what was said last, its beginning


class Lines(NamedTuple):
    waiting: list[Line]  # for an answer; the longest wait first
    running: list[Line]
    unanswered: list[Line]  # nobody was there, and no address is left
    over: list[Line]  # the latest first


def console(session: Session) -> Lines:
    waits, newest = Chat.waiting_since.is_not(None), (Chat.updated_at.desc(), Chat.id.desc())
    return Lines(
        _lines(session, (Chat.status.in_(("waiting", "running")), waits), (Chat.waiting_since, Chat.id), MOST),
        _lines(session, (Chat.status == "running", ~waits), newest, MOST),
        _lines(session, (Chat.status == "unanswered",), newest, MOST_OVER),
        _lines(session, (Chat.status.in_(OVER),), newest, MOST_OVER),
    )


def _lines(session: Session, which: Sequence[ColumnElement[bool]], order: Sequence[Any], limit: int) -> list[Line]:
    query = select(Chat, Account, Staff).outerjoin(Account, Account.id == Chat.account_id).outerjoin(Staff, Staff.id == Chat.staff_id)
    found = session.execute(query.where(*which).order_by(*order).limit(limit)).all()
    last = _last(session, [chat.id for chat, *_ in found])
    return [Line(*row, last.get(row[0].id, "")) for row in found]


def _last(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    newest = (
        select(ChatMessage.chat_id, func.max(ChatMessage.number).label("number"))
        .where(among(session, ChatMessage.chat_id, ids), ChatMessage.event.is_(None))
        .group_by(ChatMessage.chat_id)
        .subquery()
    )
    rows: Any = session.execute(
        select(ChatMessage.chat_id, func.substr(ChatMessage.body, 1, OPENING_CHARACTERS)).join(
            newest, (newest.c.chat_id == ChatMessage.chat_id) & (newest.c.number == ChatMessage.number)
        )
    )
    return {id: " ".join(body.split()) for id, body in rows}


def waiting(session: Session) -> int:
    """How many visitors wait for an answer."""
    open_ones = Chat.status.in_(("waiting", "running")), Chat.waiting_since.is_not(None)
    return session.execute(select(func.count()).select_from(Chat).where(*open_ones)).scalar_one()


def changed_since(session: Session, since: datetime) -> dict[str, datetime]:
    """When each was changed last, by id."""
    query = select(Chat.id, Chat.updated_at).where(Chat.status.in_(STATUSES), Chat.updated_at >= since)  # along the index
    return {str(id): at for id, at in session.execute(query.order_by(Chat.updated_at.desc()).limit(MOST_CHANGED))}
