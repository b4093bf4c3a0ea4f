"""What all workers share about the relay: whether it is left alone for a while, and how much of its rate is spent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from notifyhub import audit, tallies, wake
from notifyhub.channels import refusals
from notifyhub.channels.contract import Report
from notifyhub.database import bulk_insert_missing, clock
from notifyhub.logs import log
from notifyhub.models import RelayState

NAME = "mail"
LONGEST_PAUSE = 60  # seconds
HELD = timedelta(minutes=15)
SLICE = timedelta(seconds=0.5)  # of the rate, handed out in one go


def _locked(session: Session) -> RelayState:
    find = select(RelayState).where(RelayState.name == NAME).with_for_update()
    state = session.execute(find).scalar()
    if state is None:
        bulk_insert_missing(session, RelayState.__table__, "name", ("name", "failures"), [(NAME, 0)], answer="name")
        state = session.execute(find).scalar_one()
    return state


def left_alone(now: Any) -> ColumnElement[bool]:
    """Whether it is, as a condition of a statement; `now` by clock(), or a parameter."""
    return exists().where(RelayState.name == NAME, or_(RelayState.paused_until > now, RelayState.held_until > now))


def paused(session: Session) -> bool:
    return bool(session.scalar(select(left_alone(clock(session)))))


class Health(NamedTuple):
    failures: int = 0  # in a row; none once it has taken something
    paused_until: datetime | None = None  # None: it is not left alone
    reason: str | None = None  # of the last failure
    held_until: datetime | None = None  # None: mail is not held back
    held_reason: str | None = None


def health(session: Session) -> Health:
    row = session.execute(select(*(getattr(RelayState, name) for name in Health._fields)).where(RelayState.name == NAME)).first()
    if row is None:
        return Health()
    found, now = Health(*row), clock(session)
    return found._replace(paused_until=_still(found.paused_until, now), held_until=_still(found.held_until, now))


def _still(until: datetime | None, now: datetime) -> datetime | None:
    return until if until and until > now else None


def failed(session: Session, reason: str) -> None:
    """Left alone for 1, 2, 4 … 60 seconds, by all workers."""
    state = _locked(session)
    state.failures = min(state.failures + 1, 16)
    state.reason = reason[:500]
    state.paused_until = clock(session) + timedelta(seconds=min(2 ** (state.failures - 1), LONGEST_PAUSE))
    tallies.add(session, "rested", "failed")


RECORD = select(RelayState.failures, RelayState.recent).where(RelayState.name == NAME)


def answered(session: Session, reports: Sequence[Report]) -> None:
    """What it said to letters: it works; but where it refuses too many for good, all workers leave it alone, and staff are told."""
    outcomes = {report.outcome for report in reports}
    before = session.connection().execute(RECORD).first()
    failures, recent = before or (0, "")
    works = bool(failures) and "accepted" in outcomes
    if not works and "refused" not in outcomes and "r" not in recent:
        return  # as nearly always: whoever settles a batch waits for nobody
    state = _locked(session)
    if works:
        state.failures, state.reason, state.paused_until = 0, None, None
    state.recent = refusals.noted(state.recent, reports)
    if refusals.too_many(state.recent):
        last = next(report.reply for report in reversed(reports) if report.outcome == "refused")
        state.recent, state.held_until, state.held_reason = "", clock(session) + HELD, last[:500]
        tallies.add(session, "rested", "refused")
        audit.record(session, "relay.held", f"relay:{NAME}", reply=last[:3])
        log.error("mail is held back", why=refusals.WHY, reply=last, minutes=HELD.total_seconds() / 60)


def held(session: Session) -> RelayState | None:
    """Where mail is held back because too much was refused."""
    state = session.get(RelayState, NAME)
    return state if state is not None and state.held_until is not None and state.held_until > clock(session) else None


def resume(session: Session) -> None:
    """Staff have seen to it."""
    state = _locked(session)
    state.held_until, state.held_reason, state.recent = None, None, ""
    audit.record(session, "relay.resumed", f"relay:{NAME}")
    wake.after_commit(session, "drain")


def at_once(wanted: int, rate: float | None) -> int:
    """How many to take on in one go, so that they are gone within a slice of time."""
    return wanted if rate is None else max(1, min(wanted, int(rate * SLICE.total_seconds())))


def reserve(session: Session, count: int, rate: float | None) -> float:
    """Hands out `count` messages of the rate, which holds for the whole installation; answers after how many seconds they may leave."""
    if rate is None:
        return 0.0
    state, now = _locked(session), clock(session)
    start = max(state.rate_used_until or now, now)
    state.rate_used_until = start + timedelta(seconds=count / rate)
    return (start - now).total_seconds()
