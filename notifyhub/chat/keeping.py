"""How long conversations are kept, what an account is given of its own, and what is left of them when it is erased."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from notifyhub.chat import conversation, presence
from notifyhub.chat.conversation import close
from notifyhub.chat.states import OVER
from notifyhub.models import Chat, ChatMessage

KEPT = timedelta(days=400)
MOST_AT_ONCE = 200


def prune(session: Session, now: datetime) -> None:
    presence.prune(session, now)
    old = select(Chat.id).where(Chat.created_at < now - KEPT).order_by(Chat.created_at).limit(MOST_AT_ONCE)
    if ids := session.scalars(old).all():
        session.execute(delete(ChatMessage).where(ChatMessage.chat_id.in_(ids)))
        session.execute(delete(Chat).where(Chat.id.in_(ids)))


def forget(session: Session, account_id: int) -> None:
    """Words go, and no browser opens it any more; that there was a conversation, and how soon it was answered, stays."""
    _forget(session, Chat.account_id == account_id)


def forget_addresses(session: Session, keys: Sequence[str]) -> None:
    """The same of visitors that we do not know, who left an address of people who are gone. `keys`: as addresses are compared."""
    _forget(session, func.lower(Chat.email).in_(keys))


def _forget(session: Session, which: ColumnElement[bool]) -> None:
    chats = session.scalars(select(Chat).where(which).order_by(Chat.id).with_for_update()).all()
    for chat in chats:
        chat.token_hash, chat.name, chat.email, chat.page = secrets.token_bytes(32), "", None, ""
        if chat.status not in OVER:
            close(chat, "ended")
    session.execute(update(ChatMessage).where(ChatMessage.chat_id.in_([chat.id for chat in chats])).values(body=""))


def export(session: Session, account_id: int) -> list[dict[str, Any]]:
    mine = select(Chat).where(Chat.account_id == account_id).order_by(Chat.created_at)
    return [
        {
            "name": chat.name, "email": chat.email, "page": chat.page, "status": chat.status, "created_at": chat.created_at,
            "messages": [
                {"from": message.author, "body": message.body, "event": message.event, "details": message.details, "at": message.created_at}
                for message in conversation.messages(session, chat.id)
            ],
        }
        for chat in session.scalars(mine)
    ]  # fmt: skip
