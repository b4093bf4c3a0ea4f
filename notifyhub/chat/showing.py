"""A conversation as its visitor is shown it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.orm import Session

from notifyhub.chat import conversation
from notifyhub.models import Chat, ChatMessage, Staff


def state(chat: Chat, there: bool) -> dict[str, Any]:
    """`there`: somebody of the agents is."""
    return {"status": chat.status, "there": there, "asks_address": conversation.asks_address(chat), "email": chat.email}


def messages(session: Session, chat_id: uuid.UUID, after: int = 0) -> list[dict[str, Any]]:
    rows = conversation.messages(session, chat_id, after)
    return [message(row, session.get(Staff, row.staff_id) if row.staff_id else None) for row in rows]


def message(row: ChatMessage, staff: Staff | None) -> dict[str, Any]:
    """`id` is the visitor's own, so that its browser knows the message again. Bodies are plain text."""
    return {
        "number": row.number, "id": row.client_id if row.author == "visitor" else None, "from": row.author,
        "name": staff.name if staff else None, "body": row.body, "event": row.event, "details": row.details, "at": row.created_at,
    }  # fmt: skip
