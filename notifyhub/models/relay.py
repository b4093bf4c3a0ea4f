from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import db


class RelayState(db.Model):  # type: ignore[name-defined]
    """What all workers share about the relay besides rows of deliveries."""

    __tablename__ = "relay_state"

    name: Mapped[str] = mapped_column(primary_key=True)
    paused_until: Mapped[datetime | None]  # it failed: left alone until then
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    reason: Mapped[str | None]
    held_until: Mapped[datetime | None]  # it refused too much: left alone until then, or until staff think better of it
    held_reason: Mapped[str | None]
    recent: Mapped[str] = mapped_column(default="", server_default=text("''"))  # its last answers, a letter each: a accepted, r refused
    rate_used_until: Mapped[datetime | None]  # the messages a second that were handed out reach up to here
