from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import BigId, Json, db


class ApiKey(db.Model):  # type: ignore[name-defined]
    """A bearer key of another system. Only its hash is kept."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str]
    prefix: Mapped[str]  # enough to recognise it by
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)  # SHA-256; the key itself has 256 random bits
    scopes: Mapped[list[str]] = mapped_column(Json)
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
