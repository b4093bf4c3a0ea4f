from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Key, db

WAITING = "outcome IS NULL"
ABOUT_A_DELIVERY = "delivery_id IS NOT NULL"


class IncomingMail(db.Model):  # type: ignore[name-defined]
    """A mail as it came in, whole, and what became of it. Kept for some months."""

    __tablename__ = "incoming_mail"
    __table_args__ = (
        Index("ix_incoming_mail_received", "received_at", "id"),
        Index("ix_incoming_mail_outcome", "outcome", "received_at", "id"),
        Index("ix_incoming_mail_waiting", "due_at", postgresql_where=text(WAITING), sqlite_where=text(WAITING)),
        Index("ix_incoming_mail_delivery", "delivery_id", postgresql_where=text(ABOUT_A_DELIVERY), sqlite_where=text(ABOUT_A_DELIVERY)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    rcpt: Mapped[str]  # of the envelope; empty where whoever passed it on did not say
    mail_from: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size: Mapped[int]
    received_at: Mapped[datetime]
    due_at: Mapped[datetime]  # when it is worked on, or tried again
    tries: Mapped[int]
    subject: Mapped[str | None]
    sender: Mapped[str | None]  # as its From header says, which proves nothing
    outcome: Mapped[str | None] = mapped_column(Key)  # bounce, complaint …; null until it was worked on
    detail: Mapped[str | None]  # a sentence on it, one of a few
    reply: Mapped[str | None]  # what the report itself says
    delivery_id: Mapped[uuid.UUID | None]  # what it is a report about
