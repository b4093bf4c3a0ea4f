from __future__ import annotations

from sqlalchemy import BigInteger, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Key, connection_slot, db, this_minute


class Tally(db.Model):  # type: ignore[name-defined]
    """How often something happened in a minute. Its count is the sum over the slots, which keep transactions from waiting for each
    other; minutes of long ago are added up under minute 0."""

    __tablename__ = "tally"
    __table_args__ = ({"postgresql_with": {"fillfactor": 50}},)  # the rows of this minute change in place, again and again

    minute: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, server_default=this_minute())  # since 1970
    name: Mapped[str] = mapped_column(Key, primary_key=True)  # tallies.py says what there is
    label: Mapped[str] = mapped_column(Key, primary_key=True)  # what of it: "bulk email", "5xx 5.1"
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, server_default=connection_slot())
    count: Mapped[int] = mapped_column(BigInteger)
