from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Key, db


class Event(db.Model):  # type: ignore[name-defined]
    """What another system reported: that it did, and not what it said, which is in the notification."""

    __tablename__ = "event"

    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # of source and id, however long these are: their SHA-256, cut short
    source: Mapped[str]
    id: Mapped[str]
    type: Mapped[str] = mapped_column(Key)
    said: Mapped[bytes] = mapped_column(LargeBinary(32))  # SHA-256 of type, subject and data
    reported_by: Mapped[str]  # the API key
    notification_id: Mapped[uuid.UUID]
    received_at: Mapped[datetime] = mapped_column(index=True)
