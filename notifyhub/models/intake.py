from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Key, db

WAITING = "outcome IS NULL"
ABOUT_A_DELIVERY = "delivery_id IS NOT NULL"
DIGESTED = "digest IS NOT NULL"


class IncomingMail(db.Model):  # type: ignore[name-defined]
    """A mail as it came in, whole, and what became of it. Kept for some months."""

    __tablename__ = "incoming_mail"
    __table_args__ = (
        Index("ix_incoming_mail_received", "received_at", "id"),
        Index("ix_incoming_mail_outcome", "outcome", "received_at", "id"),
        Index("ix_incoming_mail_waiting", "due_at", postgresql_where=text(WAITING), sqlite_where=text(WAITING)),
        Index("ix_incoming_mail_delivery", "delivery_id", postgresql_where=text(ABOUT_A_DELIVERY), sqlite_where=text(ABOUT_A_DELIVERY)),
        Index("ix_incoming_mail_digest", "digest", postgresql_where=text(DIGESTED), sqlite_where=text(DIGESTED)),
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
    digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))  # of what its writer sent, whichever way it came: the same again is known
    is_proven: Mapped[bool | None]  # that it is from the domain of its From; null: it did not matter
    ticket_id: Mapped[uuid.UUID | None]  # what it became, or was added to


class HeldMail(db.Model):  # type: ignore[name-defined]
    """An account that a mail is held for, until someone who signs in there says that it is theirs."""

    __tablename__ = "held_mail"

    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"), primary_key=True)
    mail_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("incoming_mail.id", ondelete="CASCADE"), primary_key=True, index=True)
