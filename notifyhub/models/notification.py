"""The two tables that grow with every telling. They carry no foreign keys: a million rows are written at once,
nothing they refer to is ever deleted (erasure empties rows and keeps them), and old rows are pruned in steps."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Json, Key, db

# few, and what is looked for: sent ones are found along the primary key, whose ids are in order of time
NOT_SENT = "state IN ('bounced', 'failed', 'skipped', 'cancelled', 'superseded')"
# the lanes that few take; those of the bulk lane are found along the primary key
NOT_BULK = "lane < 3"
NOT_BULK_INBOX = "lane < 3 AND inbox_rule IS NOT NULL"


class Notification(db.Model):  # type: ignore[name-defined]
    """One thing that one recipient is told. For an announcement, these rows are its frozen audience."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("source", "source_ref", "revision", "recipient_key", name="uq_notification_once"),
        Index(
            "ix_notification_inbox",
            "account_id",
            "created_at",
            "id",
            postgresql_where=text("inbox_rule IS NOT NULL"),
            sqlite_where=text("inbox_rule IS NOT NULL"),
        ),
        Index(
            "ix_notification_mailed_only",
            "account_id",
            postgresql_where=text("inbox_rule IS NULL"),
            sqlite_where=text("inbox_rule IS NULL"),
        ),
        Index("ix_notification_lane", "lane", "id", postgresql_where=text(NOT_BULK_INBOX), sqlite_where=text(NOT_BULK_INBOX)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(Key)  # announcement, address-change, confirmation, repair …
    source_ref: Mapped[str] = mapped_column(Key)
    revision: Mapped[int]
    recipient_key: Mapped[str] = mapped_column(Key)  # "account:17", or "mailbox:4" for someone without an account; never null
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    inbox_rule: Mapped[int | None] = mapped_column(SmallInteger)  # of the routing policy, by which it is in the inbox; null: it is not
    kind: Mapped[str] = mapped_column(Key)
    category: Mapped[str] = mapped_column(Key)
    lane: Mapped[int] = mapped_column(SmallInteger)
    services: Mapped[list[Any]] = mapped_column(Json)  # those affected: [[order number, name], …], as they were then
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]


class Delivery(db.Model):  # type: ignore[name-defined]
    """One notification on its way over one channel to one address, with its state and the reason for it.

    The inbox has no rows here: its delivery is the notification's own row, with the rule that put it there.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("notification_id", "channel", "mailbox_id", name="uq_delivery_once"),
        Index("ix_delivery_due", "lane", "due_at", postgresql_where=text("state = 'queued'"), sqlite_where=text("state = 'queued'")),
        Index("ix_delivery_leased", "lease_until", postgresql_where=text("state = 'sending'"), sqlite_where=text("state = 'sending'")),
        Index("ix_delivery_lane", "lane", "id", postgresql_where=text(NOT_BULK), sqlite_where=text(NOT_BULK)),
        Index("ix_delivery_not_sent", "state", "id", "lane", postgresql_where=text(NOT_SENT), sqlite_where=text(NOT_SENT)),
        Index("ix_delivery_mailbox", "mailbox_id", "id", postgresql_where=text("mailbox_id > 0"), sqlite_where=text("mailbox_id > 0")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[uuid.UUID]
    channel: Mapped[str] = mapped_column(Key)  # email
    mailbox_id: Mapped[int] = mapped_column(BigInteger, default=0)  # 0: none (the inbox, or a skip without an address)
    lane: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(Key)  # queued, sending, sent, bounced, failed, skipped, cancelled, superseded
    rule: Mapped[int] = mapped_column(SmallInteger)  # of the routing policy
    reason: Mapped[str]
    queued_at: Mapped[datetime]
    due_at: Mapped[datetime]
    send_before: Mapped[datetime | None]  # not worth sending later
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[uuid.UUID | None]
    tries: Mapped[int] = mapped_column(SmallInteger, default=0)  # those that count against its back-off
    attempts: Mapped[list[Any]] = mapped_column(Json, default=list)  # [{at, reply}]
    sent_at: Mapped[datetime | None]
