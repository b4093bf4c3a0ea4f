from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Json, Key, db

DUE, ANSWERED = text("due_at IS NOT NULL"), text("answered_at IS NOT NULL")


class Chat(db.Model):  # type: ignore[name-defined]
    """One conversation of a visitor with support, as it stands now. What was said is in its messages."""

    __tablename__ = "chat"
    __table_args__ = (
        Index("ix_chat_status", "status", "updated_at", "id"),
        Index("ix_chat_due", "due_at", postgresql_where=DUE, sqlite_where=DUE),
        Index("ix_chat_answered", "created_at", postgresql_where=ANSWERED, sqlite_where=ANSWERED),
        Index("ix_chat_created", "created_at", "id"),
        Index("ix_chat_account", "account_id", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)  # SHA-256; the token itself has 256 random bits
    account_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("account.id"))  # of a visitor who proved to be a customer
    name: Mapped[str]  # as visitors call themselves; empty: they did not
    email: Mapped[str | None]  # as they typed it: nobody has proven that it is theirs
    locale: Mapped[str]
    page: Mapped[str]  # the address of the page that they wrote from
    status: Mapped[str] = mapped_column(Key)  # chat/states.py
    staff_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # who answers it
    ticket_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("ticket.id"), index=True)  # what became of it
    last_number: Mapped[int]  # of its newest message
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    waiting_since: Mapped[datetime | None]  # what the visitor wrote then, nobody has answered
    answered_at: Mapped[datetime | None]  # the first time
    nobody_at: Mapped[datetime | None]  # when the visitor was told that nobody is there, since the last answer
    due_at: Mapped[datetime | None]  # when something becomes of it by itself; null: it is over


class ChatMessage(db.Model):  # type: ignore[name-defined]
    """One thing that was said in a conversation, or that happened to it. Never changed; erasure empties it."""

    __tablename__ = "chat_message"
    __table_args__ = (UniqueConstraint("chat_id", "author", "client_id", name="uq_chat_message_client"),)

    chat_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("chat.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1 on, without gaps, in the order of commits
    author: Mapped[str] = mapped_column(Key)  # visitor, staff, system
    staff_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    client_id: Mapped[uuid.UUID | None]  # given by whoever wrote it, so that it may be sent again
    body: Mapped[str]
    event: Mapped[str | None] = mapped_column(Key)  # what happened: nobody, late, ticket, ended
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime]


class ChatPresence(db.Model):  # type: ignore[name-defined]
    """A console of an agent that is open, as it said last. One that died says nothing more, and soon counts no longer."""

    __tablename__ = "chat_presence"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("staff.id"))
    seen_at: Mapped[datetime] = mapped_column(index=True)
