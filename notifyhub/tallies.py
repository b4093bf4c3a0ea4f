"""How often things happen: counted in the transaction in which they happen, so that what is rolled back never counted.

All counts of a transaction are written as its very last statement, in one order, to rows of its connection's own: workers side by
side do not wait for each other, and nobody waits for long.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

from sqlalchemy import BigInteger, cast, delete, event, func, select, tuple_
from sqlalchemy.orm import Session, SessionTransaction

from notifyhub.database import bulk_add, clock
from notifyhub.kinds import Lane
from notifyhub.models import Tally

Name = Literal[
    "told",  # notifications, by kind
    "sent", "failed", "bounced", "cancelled", "superseded", "skipped",  # deliveries that came to an end, by way()
    "deferred",  # tries that were refused for now, by way()
    "answer",  # of the next hop to a letter, by its class
    "lapsed",  # leases whose holder was gone
    "spared",  # tellings that would have been a second one: "journal", "repeated"
    "rested",  # the relay was left alone for a while, because it "failed" or "refused"
]  # fmt: skip

KEPT_MINUTES = 65  # one by one; a chart of the last hour asks for no more
LONG_AGO = 0  # the minute under which older ones are added up
STEP = 2000  # rows of one folding: a few milliseconds

WAITING = "tallies"


def way(lane: int, channel: str) -> str:
    """The label of what goes by lane and channel."""
    return f"{Lane(lane).name} {channel}"


def add(session: Session, name: Name, label: str = "", count: int = 1) -> None:
    if not count:
        return
    if not session.in_transaction():
        session.begin()  # one that could be rolled back
    session.info.setdefault(WAITING, []).append((session.get_nested_transaction(), name, label, count))


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    if session.in_nested_transaction() or not (waiting := session.info.pop(WAITING, None)):
        return
    session.flush()  # whatever else is written is written first: nothing is waited for once these rows are held
    counts: Counter[tuple[str, str]] = Counter()
    for _, name, label, count in waiting:
        counts[name, label] += count
    bulk_add(session, Tally.__table__, ("name", "label", "count"), [(*key, count) for key, count in counts.items()])


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, previous: SessionTransaction) -> None:
    """What was counted inside of a savepoint goes with it."""
    if previous.nested:
        waiting = session.info.get(WAITING, [])
        waiting[:] = [entry for entry in waiting if not _is_inside(entry[0], previous)]
    else:
        session.info.pop(WAITING, None)


def _is_inside(savepoint: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while savepoint is not None and savepoint is not outer:
        savepoint = savepoint.parent
    return savepoint is outer


def fold(session: Session) -> int:
    """Adds up some of the minutes of long ago; answers how many rows that saved. The sums stay as they are."""
    until = int(clock(session).timestamp()) // 60 - KEPT_MINUTES
    key = tuple_(Tally.minute, Tally.name, Tally.label, Tally.slot)
    old = (
        select(Tally.minute, Tally.name, Tally.label, Tally.slot)
        .where(Tally.minute > LONG_AGO, Tally.minute < until)
        .order_by(Tally.minute)
        .limit(STEP)
        .with_for_update(skip_locked=True)
    )
    gone = delete(Tally).where(key.in_(old)).returning(Tally.name, Tally.label, Tally.count)
    counts: Counter[tuple[str, str]] = Counter()
    rows = session.execute(gone.execution_options(synchronize_session=False)).all()
    for name, label, count in rows:
        counts[name, label] += count
    if counts:
        totals = [(LONG_AGO, *key, 0, count) for key, count in counts.items()]
        bulk_add(session, Tally.__table__, ("minute", "name", "label", "slot", "count"), totals)
    return len(rows)


def totals(session: Session) -> dict[str, dict[str, int]]:
    """By name and label, since this installation began."""
    count = cast(func.sum(Tally.count), BigInteger)
    found: dict[str, dict[str, int]] = {}
    for name, label, number in session.execute(select(Tally.name, Tally.label, count).group_by(Tally.name, Tally.label)):
        found.setdefault(name, {})[label] = number
    return found


def by_minute(session: Session, since: int) -> list[tuple[int, str, str, int]]:
    """(minute, name, label, count) from minute `since` on."""
    count = cast(func.sum(Tally.count), BigInteger)
    query = select(Tally.minute, Tally.name, Tally.label, count).where(Tally.minute >= since)
    return [(*row,) for row in session.execute(query.group_by(Tally.minute, Tally.name, Tally.label))]
