from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, TextClause, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import BigId, Json, Key, db


def _of(column: str) -> TextClause:
    return text(f"{column} IS NOT NULL")


class ApiKey(db.Model):  # type: ignore[name-defined]
    """A key of another system. Of a bearer key only the hash is kept."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str]  # enough to recognise it by
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)  # SHA-256; the key itself has 256 random bits
    scopes: Mapped[list[str]] = mapped_column(Json)
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)  # of a key that signs webhooks, and is no bearer key
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Idempotency(db.Model):  # type: ignore[name-defined]
    """The answer to a request that may be repeated, committed together with what the request did."""

    __tablename__ = "idempotency"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int | None]
    body: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(index=True)


class Staff(db.Model):  # type: ignore[name-defined]
    """A member of staff. One who left is disabled and stays, since the audit log names them."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(Key, unique=True)  # as addresses are compared
    name: Mapped[str]
    password_hash: Mapped[str]  # argon2id, with its parameters
    roles: Mapped[list[str]] = mapped_column(Json)
    locale: Mapped[str]
    time_zone: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class SignIn(db.Model):  # type: ignore[name-defined]
    """A browser's session, of a customer or of a member of staff. Of its token only the hash is kept."""

    __tablename__ = "sign_in"
    __table_args__ = (
        Index("ix_sign_in_account", "account_id", postgresql_where=_of("account_id"), sqlite_where=_of("account_id")),
        Index("ix_sign_in_staff", "staff_id", postgresql_where=_of("staff_id"), sqlite_where=_of("staff_id")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)  # SHA-256; the token itself has 256 random bits
    account_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("account.id"))
    staff_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    how: Mapped[str]  # sso, link, password, demo
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]  # to some minutes
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    origin: Mapped[str | None]  # the client's IP address
    user_agent: Mapped[str]


class SignInLink(db.Model):  # type: ignore[name-defined]
    """One mailed link: what it stands for. The link itself is made when the mail is, and kept nowhere."""

    __tablename__ = "sign_in_link"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("account.id"), index=True)  # the one it was mailed for
    mailbox_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("mailbox.id"), index=True)  # all whose address this is may use it
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class SignInAttempt(db.Model):  # type: ignore[name-defined]
    """What the limits count: who was tried, and from where. Kept for some hours."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index("ix_sign_in_attempt_key", "what", "key", "at"), Index("ix_sign_in_attempt_origin", "what", "origin", "at"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(Key)  # password, link, test
    key: Mapped[bytes] = mapped_column(LargeBinary(32))  # SHA-256 of the e-mail address, so that strangers' ones are not collected
    origin: Mapped[str] = mapped_column(Key)  # a network, or a browser that we know
    at: Mapped[datetime] = mapped_column(index=True)
    ok: Mapped[bool]


class SpentToken(db.Model):  # type: ignore[name-defined]
    """A token of another system that was good for once."""

    __tablename__ = "spent_token"

    audience: Mapped[str] = mapped_column(Key, primary_key=True)
    jti: Mapped[str] = mapped_column(Key, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
