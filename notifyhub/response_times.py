"""What customers are promised about our support, measured: medians of the last 30 days (docs/contact.md).

They are kept as rows that the sweep renews, so that a page that shows them reads a few rows, whatever has piled up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Literal, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notifyhub import chat
from notifyhub.database import first_id, follow_indexes, take_turns
from notifyhub.models import Delivery, ResponseTime
from notifyhub.tickets import measuring

Way = Literal["ticket", "chat", "email", "notification"]

PERIOD = timedelta(days=30)
RENEWED_EVERY = timedelta(minutes=10)
FEWEST = 5  # that say anything
SLICES = 180  # of the period, some of each of which are looked at: no announcement to everyone, and no bad day, is the whole month
TICKETS_OF_A_SLICE, MAILS_OF_A_SLICE = 60, 40  # these are all, where there are no more


class Figure(NamedTuple):
    median: timedelta | None  # None: too few to say
    number: int  # of how many


NOTHING = Figure(None, 0)


class Figures(NamedTuple):
    by_way: Mapping[str, Figure]
    measured_at: datetime | None  # None: not yet

    def of(self, way: Way) -> Figure:
        return self.by_way.get(way, NOTHING)


def read(session: Session) -> Figures:
    """As they were measured last."""
    rows = session.scalars(select(ResponseTime)).all()
    by_way = {row.way: Figure(timedelta(seconds=row.seconds) if row.seconds is not None else None, row.count) for row in rows}
    return Figures(by_way, min((row.measured_at for row in rows), default=None))


def due(session: Session, now: datetime) -> bool:
    measured_at = session.scalar(select(func.min(ResponseTime.measured_at)))
    return measured_at is None or measured_at <= now - RENEWED_EVERY


def measure(session: Session, now: datetime) -> dict[Way, Figure]:
    """Some hundred small reads along indexes, however many rows there are."""
    follow_indexes(session)
    length, tickets, mails = PERIOD / SLICES, defaultdict[str, list[timedelta]](list), list[timedelta]()
    for number in range(SLICES):
        start = now - PERIOD + number * length
        for via, times in measuring.first_responses(session, start, start + length, TICKETS_OF_A_SLICE, now).items():
            tickets[via] += times
        mails += _mails(session, start, start + length)
    return {
        "ticket": _figure([*tickets["page"], *tickets["api"]]),
        "chat": _figure(chat.first_answers(session, now - PERIOD)),
        "email": _figure(tickets["mail"]),
        "notification": _figure(mails),
    }


def _mails(session: Session, since: datetime, until: datetime) -> list[timedelta]:
    """From being accepted to being handed to the relay."""
    query = select(Delivery.queued_at, Delivery.sent_at).where(Delivery.id >= first_id(since), Delivery.id < first_id(until))
    rows = session.execute(query.where(Delivery.channel == "email").order_by(Delivery.id).limit(MAILS_OF_A_SLICE))
    # what was dated back, as the demo's past is, did not wait
    return [sent_at - queued_at for queued_at, sent_at in rows if sent_at is not None and queued_at >= since]


def _figure(times: Sequence[timedelta]) -> Figure:
    if len(times) < FEWEST:
        return Figure(None, len(times))
    return Figure(timedelta(seconds=median(time.total_seconds() for time in times)), len(times))


def keep(session: Session, figures: Mapping[Way, Figure], now: datetime) -> None:
    take_turns(session, ResponseTime.__tablename__)  # two sweeps may be at it
    for way, figure in figures.items():
        seconds = max(0.0, figure.median.total_seconds()) if figure.median is not None else None  # clocks of machines differ
        session.merge(ResponseTime(way=way, seconds=seconds, count=figure.number, measured_at=now))
