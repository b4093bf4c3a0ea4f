from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Key, db


class AbuseReport(db.Model):  # type: ignore[name-defined]
    """What someone reported about an address. Its text is harmless; its source is kept as it came, and shown to nobody but staff."""

    __tablename__ = "abuse_report"
    __table_args__ = (
        Index("ix_abuse_report_received", "received_at", "id"),
        Index(
            "ix_abuse_report_nobodys",
            "received_at",
            "id",
            postgresql_where=text("account_id IS NULL"),
            sqlite_where=text("account_id IS NULL"),
        ),
        Index(
            "ix_abuse_report_account",
            "account_id",
            "received_at",
            postgresql_where=text("account_id IS NOT NULL"),
            sqlite_where=text("account_id IS NOT NULL"),
        ),
        Index("ix_abuse_report_source", "received_at", postgresql_where=text("raw IS NOT NULL"), sqlite_where=text("raw IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source_key: Mapped[str] = mapped_column(Key, unique=True)  # a digest of what makes two reports the same one
    format: Mapped[str]  # xarf, arf
    type: Mapped[str]  # "messaging/spam", "feedback/abuse"; a key of labels.ABUSE_TYPES where it is a known one
    reporter: Mapped[str]  # an organisation or a domain: what the account is told
    contact: Mapped[str]  # the reporter's mail address: for staff
    address: Mapped[str]  # an IP address or prefix; another identifier, where the report has no such; empty where it names none
    occurred_at: Mapped[datetime | None]
    account_id: Mapped[int | None] = mapped_column(BigInteger)  # who had the address then; null: nobody of ours
    service_id: Mapped[int | None] = mapped_column(BigInteger)
    evidence: Mapped[str] = mapped_column(deferred=True)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)  # null: no longer kept
    received_at: Mapped[datetime]
    received_from: Mapped[str]  # who brought it, as the audit log names its authors
    notification_id: Mapped[uuid.UUID | None]  # null: nobody was told
