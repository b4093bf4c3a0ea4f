"""What all workers share about the relay: whether it is left alone for a while, and how much of its rate is spent."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub.database import bulk_insert_missing, clock
from notifyhub.models import RelayState

NAME = "mail"
LONGEST_PAUSE = 60  # seconds
SLICE = timedelta(seconds=0.5)  # of the rate, handed out in one go


def _locked(session: Session) -> RelayState:
    find = select(RelayState).where(RelayState.name == NAME).with_for_update()
    state = session.execute(find).scalar()
    if state is None:
        bulk_insert_missing(session, RelayState.__table__, "name", ("name", "failures"), [(NAME, 0)], answer="name")
        state = session.execute(find).scalar_one()
    return state


def paused(session: Session) -> bool:
    until = session.execute(select(RelayState.paused_until).where(RelayState.name == NAME)).scalar()
    return until is not None and until > clock(session)


def failed(session: Session, reason: str) -> None:
    """Left alone for 1, 2, 4 … 60 seconds, by all workers."""
    state = _locked(session)
    state.failures = min(state.failures + 1, 16)
    state.reason = reason[:500]
    state.paused_until = clock(session) + timedelta(seconds=min(2 ** (state.failures - 1), LONGEST_PAUSE))


def worked(session: Session) -> None:
    failures = session.execute(select(RelayState.failures).where(RelayState.name == NAME)).scalar()
    if failures:
        state = _locked(session)
        state.failures, state.reason, state.paused_until = 0, None, None


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
