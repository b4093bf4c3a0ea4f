from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import BigId, Json, Key, db


class Account(db.Model):  # type: ignore[name-defined]
    """One client of the provider. An erased account keeps its row, and nothing in it that names anyone."""

    __tablename__ = "account"
    __table_args__ = (
        Index(
            "ix_account_previous_registered_mailbox",
            "previous_registered_mailbox_id",
            postgresql_where=text("previous_registered_mailbox_id IS NOT NULL"),
            sqlite_where=text("previous_registered_mailbox_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str | None] = mapped_column(Key, unique=True)
    name: Mapped[str]
    locale: Mapped[str]
    time_zone: Mapped[str]
    registered_mailbox_id: Mapped[int | None] = mapped_column(ForeignKey("mailbox.id"), index=True)
    previous_registered_mailbox_id: Mapped[int | None] = mapped_column(ForeignKey("mailbox.id"))
    registered_changed_at: Mapped[datetime | None]
    muted: Mapped[list[str]] = mapped_column(Json, default=list)
    # what the provider's systems said last, as digests by part: a sync applies only what they changed since
    synced: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    name_key: Mapped[str] = mapped_column(Key, default="", server_default=text("''"))  # as it is compared in a search
