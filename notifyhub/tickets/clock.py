"""How the promise of a first response stands at a moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from notifyhub.models import Ticket
from notifyhub.tickets.states import WARNED_AFTER, clock_runs

Phase = Literal["running", "warned", "breached", "kept", "late", "settled"]
RUNNING: tuple[Phase, ...] = ("running", "warned", "breached")


class Clock(NamedTuple):
    phase: Phase  # kept, late: it was answered; settled: it was over before anyone answered
    promised_at: datetime
    warned_at: datetime  # when most of the time is gone
    left: timedelta  # of a clock that runs; below zero once the time has passed
    taken: timedelta | None  # until the first response
    promised: timedelta


def read(ticket: Ticket, now: datetime) -> Clock:
    promised = timedelta(minutes=ticket.promise_minutes)
    warned_at = ticket.promised_at - promised * (1 - WARNED_AFTER)
    answered = ticket.first_response_at
    taken = answered - (ticket.promised_at - promised) if answered else None
    return Clock(_phase(ticket, warned_at, now), ticket.promised_at, warned_at, ticket.promised_at - now, taken, promised)


def _phase(ticket: Ticket, warned_at: datetime, now: datetime) -> Phase:
    if ticket.first_response_at is not None:
        return "kept" if ticket.first_response_at <= ticket.promised_at else "late"
    if not clock_runs(ticket):
        return "settled"
    if now >= ticket.promised_at:
        return "breached"
    return "warned" if now >= warned_at else "running"
