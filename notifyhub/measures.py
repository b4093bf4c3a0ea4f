"""What the engine has in its hands and what it did: read by whoever looks after it, as figures for /metrics and as a page."""

from __future__ import annotations

import time
import weakref
from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from notifyhub import relay, tallies
from notifyhub.announcements import fan_out
from notifyhub.channels import CARRIED
from notifyhub.database import clock
from notifyhub.kinds import Lane
from notifyhub.models import Delivery

MINUTES = 60  # of the charts; the last one has just begun


class Waiting(NamedTuple):
    """Deliveries of one lane and channel on their way."""

    queued: int = 0  # of them, so many are
    due: int = 0  # and the others wait for their next try
    sending: int = 0


class Measures(NamedTuple):
    at: datetime
    waiting: dict[tuple[Lane, str], Waiting]  # all lanes of all channels that are carried
    oldest_due: dict[Lane, float]  # seconds since it is due; 0 where nothing is
    totals: dict[str, dict[str, int]]  # by name and label of tallies.py, since this installation began
    minutes: dict[str, dict[str, list[int]]]  # the same by minute, for the last hour
    relay: relay.Health
    fan_outs: int  # that are not done

    def total(self, name: tallies.Name, label: str | None = None) -> int:
        """Of one label, or of all."""
        labels = self.totals.get(name, {})
        return sum(labels.values()) if label is None else labels.get(label, 0)

    def last_hour(self, name: tallies.Name) -> dict[str, int]:
        """By label."""
        return {label: sum(counts) for label, counts in self.minutes.get(name, {}).items()}

    def per_minute(self, name: tallies.Name, label: str) -> list[int]:
        return self.minutes.get(name, {}).get(label) or [0] * MINUTES

    def rate(self, label: str) -> float:
        """Sent in a second, over the last whole minute."""
        return self.per_minute("sent", label)[-2] / 60


def take(session: Session) -> Measures:
    now = clock(session)
    return Measures(
        now,
        _waiting(session, now),
        _oldest_due(session, now),
        tallies.totals(session),
        _minutes(session, int(now.timestamp()) // 60 - MINUTES + 1),
        relay.health(session),
        len(fan_out.unfinished(session)),
    )


def _waiting(session: Session, now: datetime) -> dict[tuple[Lane, str], Waiting]:
    """By the indexes of what is queued and what is being sent: what was sent before costs nothing."""
    ways = Delivery.lane, Delivery.channel
    due = func.count().filter(Delivery.due_at <= now)
    queued = session.execute(select(*ways, func.count(), due).where(_is("queued")).group_by(*ways))
    found = {(lane, channel): Waiting(count, due) for lane, channel, count, due in queued}
    for lane, channel, count in session.execute(select(*ways, func.count()).where(_is("sending")).group_by(*ways)):
        found[lane, channel] = found.get((lane, channel), Waiting())._replace(sending=count)
    return {(lane, channel): found.get((lane, channel), Waiting()) for lane in Lane for channel in CARRIED}


def _is(state: str) -> ColumnElement[bool]:
    """Spelled out, so that an index of this state is known to hold it, whatever plan is kept."""
    return Delivery.state == literal(state, literal_execute=True)


def _oldest_due(session: Session, now: datetime) -> dict[Lane, float]:
    """One step into the index for each lane."""
    oldest = {lane: session.scalar(select(func.min(Delivery.due_at)).where(_is("queued"), Delivery.lane == int(lane))) for lane in Lane}
    return {lane: max(0.0, (now - due_at).total_seconds()) if due_at else 0.0 for lane, due_at in oldest.items()}


def _minutes(session: Session, since: int) -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * MINUTES))
    for minute, name, label, count in tallies.by_minute(session, since):
        if minute < since + MINUTES:
            found[name][label][minute - since] = count
    return found


class Watched(NamedTuple):
    taken_at: float
    kept: float  # seconds
    measures: Measures


_watched: weakref.WeakKeyDictionary[Any, Watched] = weakref.WeakKeyDictionary()  # by database

COUNTING_SHARE = 20  # one twentieth of a process's time is spent on it at most
MOST_KEPT_SECONDS = 30


def watched(session: Session) -> Measures:
    """For all who look on at once: where very many are waiting, which takes long to count, they are counted less often."""
    database, started = session.get_bind(), time.monotonic()
    found = _watched.get(database)
    if found is None or started - found.taken_at > found.kept:
        measures = take(session)
        found = Watched(started, min((time.monotonic() - started) * COUNTING_SHARE, MOST_KEPT_SECONDS), measures)
        _watched[database] = found
    return found.measures


def forget() -> None:
    _watched.clear()
