from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import BigId, Json, db


class AuditEntry(db.Model):  # type: ignore[name-defined]
    """Who changed what, when, from where. The database refuses to change or delete an entry."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_account", "account_id", "id"),
        Index("ix_audit_entry_at", "at", "id"),
        Index("ix_audit_entry_actor", "actor", "at", "id"),
        Index("ix_audit_entry_action", "action", "at", "id"),
        Index(
            "ix_audit_entry_subject",
            "subject",
            "id",
            postgresql_where=text("account_id IS NULL"),
            sqlite_where=text("account_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]  # "key:3 billing", "bootstrap key", "command line", "staff:2 Name", "account:17", "confirmation link", "system"
    origin: Mapped[str | None]  # the client's IP address
    action: Mapped[str]
    subject: Mapped[str]  # "account:17", "announcement:0198…"
    account_id: Mapped[int | None] = mapped_column(BigInteger)
    details: Mapped[dict[str, Any]] = mapped_column(Json)
