from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import BigId, Json, Key, db, domain_of


class Mailbox(db.Model):  # type: ignore[name-defined]
    """One e-mail address, whoever uses it. `key` is the form that addresses are compared in."""

    __tablename__ = "mailbox"
    __table_args__ = (Index("ix_mailbox_domain", domain_of(literal_column("key"))),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(Key, unique=True)
    email: Mapped[str]
    status: Mapped[str] = mapped_column(default="ok", server_default="ok")  # ok, bouncing, complained
    status_reason: Mapped[str | None]
    status_at: Mapped[datetime | None]
    usable_since: Mapped[datetime | None]  # when it last stopped bouncing
    blocked_at: Mapped[datetime | None]  # its owner wants no confirmations
    soft_bounces: Mapped[list[str]] = mapped_column(Json, default=list, server_default="[]")  # when, the last ones only


class DeliveryAddress(db.Model):  # type: ignore[name-defined]
    """A mailbox that an account set for one category. Imported by the million, so without foreign keys; see models/service.py."""

    __tablename__ = "delivery_address"
    __table_args__ = (Index("ix_delivery_address_mailbox", "mailbox_id", "account_id"),)

    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    mailbox_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    state: Mapped[str]  # pending, verified, replaced
    position: Mapped[int] = mapped_column(default=0)  # as the customer ordered them
    usable_since: Mapped[datetime | None]  # None: since the account was made
    created_at: Mapped[datetime]


class Confirmation(db.Model):  # type: ignore[name-defined]
    """One confirmation mail: what its link stands for, and what the limits against flooding count."""

    __tablename__ = "confirmation"
    __table_args__ = (
        Index("ix_confirmation_mailbox", "mailbox_id", "created_at"),
        Index("ix_confirmation_account", "account_id", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"))
    mailbox_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("mailbox.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
