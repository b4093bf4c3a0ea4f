"""What a ticket can be, where it stands in the queue, and the clock of its promise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from notifyhub.models import Staff, Ticket

DEPARTMENTS = ("technical", "financial")
PRIORITIES = ("regular", "high")
STATUSES = ("open", "waiting_for_customer", "resolved", "closed")
OVER = ("resolved", "closed")
RANKS_RUNNING = (0, 2)  # high and regular priority, with a clock that runs
RANKS_WAITING = 6  # below it: neither resolved nor closed
WARNED_AFTER = 0.7  # of the time that was promised


class By(NamedTuple):
    """Who does something to a ticket."""

    author: Literal["customer", "staff", "system"]
    staff: Staff | None = None  # None for staff that another system speaks for

    @property
    def staff_id(self) -> int | None:
        return self.staff.id if self.staff else None


CUSTOMER, SYSTEM = By("customer"), By("system")


def clock_runs(ticket: Ticket) -> bool:
    """The promise of a first response is neither kept nor settled otherwise."""
    return ticket.first_response_at is None and ticket.status not in OVER


def start_clock(ticket: Ticket, now: datetime) -> None:
    promised = timedelta(minutes=ticket.promise_minutes)
    ticket.promised_at = now + promised
    if ticket.breached_at is None:  # each alert comes once
        ticket.alert_at = now + promised * WARNED_AFTER if ticket.warned_at is None else ticket.promised_at


def stop_clock(ticket: Ticket) -> None:
    ticket.alert_at = None


def line_up(ticket: Ticket) -> None:
    """Gives it its place in the queue: by priority, then time left; then those whose clock does not run, the longest wait first."""
    high = ticket.priority == "high"
    if ticket.status in OVER:
        ticket.rank = RANKS_WAITING + OVER.index(ticket.status)
    elif clock_runs(ticket):
        ticket.rank, ticket.waiting_at = RANKS_RUNNING[0 if high else 1], ticket.promised_at
    elif ticket.status == "open":
        ticket.rank = 1 if high else 3
    else:
        ticket.rank = 4 if high else 5
