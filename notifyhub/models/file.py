from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import db


class StoredFile(db.Model):  # type: ignore[name-defined]
    """A document or an attachment, as it came. What it is was found in its content; what others claimed is not kept."""

    __tablename__ = "stored_file"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(BigInteger, index=True)  # whose it is; null: for staff alone
    media_type: Mapped[str]
    name: Mapped[str]  # a safe one
    size: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # read where it is sent, and not by whoever lists files
    created_at: Mapped[datetime]
