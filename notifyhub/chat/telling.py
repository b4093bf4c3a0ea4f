"""What becomes of a conversation, told to whoever follows it: its visitor, and the consoles of agents."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from notifyhub import wake
from notifyhub.models import Chat

QUEUE = "chats"  # consoles follow this


def topic(id: uuid.UUID) -> str:
    """The visitor follows this."""
    return f"chat:{id}"


def signal(session: Session, chat: Chat) -> None:
    wake.news_after_commit(session, (QUEUE, topic(chat.id)))
