from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Key, db


class ResponseTime(db.Model):  # type: ignore[name-defined]
    """How soon support, or a mail of ours, was really there over the last weeks."""

    __tablename__ = "response_time"

    way: Mapped[str] = mapped_column(Key, primary_key=True)  # ticket, chat, email, notification (response_times.py)
    seconds: Mapped[float | None]  # the median; null: too few to say
    count: Mapped[int]  # of how many
    measured_at: Mapped[datetime]
