from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Json, db


class Announcement(db.Model):  # type: ignore[name-defined]
    """What ops publish to many accounts, as it stands now. What was told is in its revisions."""

    __tablename__ = "announcement"
    __table_args__ = (Index("ix_announcement_created", "created_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    impact: Mapped[str | None]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    content: Mapped[dict[str, Any]] = mapped_column(Json)  # {locale: {title, body}}
    audience: Mapped[dict[str, Any]] = mapped_column(Json)
    status: Mapped[str]  # draft, scheduled, published, in_progress, completed, cancelled
    revision: Mapped[int] = mapped_column(default=0)  # the newest one; 0: never published
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    published_at: Mapped[datetime | None]


class Revision(db.Model):  # type: ignore[name-defined]
    """One telling of an announcement: what is said, to whom, and how far the fan-out has come."""

    __tablename__ = "revision"
    __table_args__ = (
        Index(
            "ix_revision_unfinished",
            "published_at",
            postgresql_where=text("fanned_out_at IS NULL"),
            sqlite_where=text("fanned_out_at IS NULL"),
        ),
    )

    announcement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("announcement.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    action: Mapped[str]  # published, changed, reminder, started, completed, cancelled
    kind: Mapped[str]
    impact: Mapped[str | None]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    content: Mapped[dict[str, Any]] = mapped_column(Json)
    audience: Mapped[dict[str, Any]] = mapped_column(Json)
    published_at: Mapped[datetime]
    accounts: Mapped[int]  # how many the audience matched at publication
    last_account_id: Mapped[int] = mapped_column(BigInteger)  # accounts made after publication are not told
    cursor: Mapped[int] = mapped_column(BigInteger, default=0)  # the last account id that was fanned out
    fanned_out: Mapped[int] = mapped_column(default=0)
    fanned_out_at: Mapped[datetime | None]
