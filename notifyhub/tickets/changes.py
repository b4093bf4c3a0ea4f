"""What staff change about a ticket, with its history: who changed what, from what to what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from notifyhub import audit
from notifyhub.database import new_id
from notifyhub.errors import Conflict, FieldError, Invalid
from notifyhub.languages import N_, said
from notifyhub.models import Staff, Ticket, TicketChange
from notifyhub.tickets import finding, telling
from notifyhub.tickets.states import CUSTOMER, DEPARTMENTS, OVER, PRIORITIES, STATUSES, By, line_up, start_clock, stop_clock

KNOWN = {"status": STATUSES, "department": DEPARTMENTS, "priority": PRIORITIES}
CLOSED = N_("This ticket is closed. Please open a new one.")


class Taken(Conflict):
    """A colleague was first."""

    def __init__(self, who: Staff) -> None:
        super().__init__(said("%(name)s took this ticket before you.", name=who.name))
        self.who = who


def change(session: Session, number: int, by: By, wanted: Mapping[str, Any], now: datetime) -> Ticket:
    """`wanted`: any of status, department, priority (strings) and assignee (Staff or None). The customer is told of the first three.

    What is so already is no change. Raises NotFound, Invalid.
    """
    ticket = finding.lock(session, number)
    told = apply(session, ticket, by, wanted, now)
    telling.tell_changes(session, ticket, told, now)
    return ticket


def take(session: Session, number: int, staff: Staff, now: datetime) -> Ticket:
    """For oneself, unless a colleague was first. Raises NotFound, Taken."""
    ticket = finding.lock(session, number)
    if ticket.assignee_id not in (None, staff.id):
        raise Taken(session.get_one(Staff, ticket.assignee_id))
    apply(session, ticket, By("staff", staff), {"assignee": staff}, now)
    return ticket


def resolve_by_customer(session: Session, number: int, account_id: int, now: datetime) -> Ticket:
    """The problem is gone. Raises NotFound, Conflict (closed)."""
    ticket = finding.lock(session, number, account_id)
    if ticket.status == "closed":
        raise Conflict(CLOSED)
    apply(session, ticket, CUSTOMER, {"status": "resolved"}, now)
    return ticket


def apply(session: Session, ticket: Ticket, by: By, wanted: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """Of a ticket that is locked. Answers what the customer has to be told: {field: what it is now}. Raises Invalid."""
    _refuse_unknown(wanted)
    made: dict[str, str] = {}
    if "assignee" in wanted:
        _assign(session, ticket, by, wanted["assignee"], now)
    for field in KNOWN:
        if field in wanted and wanted[field] != (before := getattr(ticket, field)):
            note(session, ticket, by, field, before, wanted[field], now)
            setattr(ticket, field, wanted[field])
            made[field] = wanted[field]
            if field == "status":
                _mind_the_clock(ticket, before, now)
    line_up(ticket)
    return made


def _refuse_unknown(wanted: Mapping[str, Any]) -> None:
    errors = [
        FieldError(field, said("must be one of %(known)s", known=", ".join(known)))
        for field, known in KNOWN.items()
        if field in wanted and wanted[field] not in known
    ]
    if errors:
        raise Invalid(*errors)


def _assign(session: Session, ticket: Ticket, by: By, staff: Staff | None, now: datetime) -> None:
    if staff is not None and staff.disabled_at is not None:
        raise Invalid(FieldError("assignee", said("%(name)s no longer works here", name=staff.name)))
    before, after = ticket.assignee_id, staff.id if staff else None
    if before != after:
        note(session, ticket, by, "assignee", str(before) if before else None, str(after) if after else None, now)
        ticket.assignee_id = after


def _mind_the_clock(ticket: Ticket, before: str, now: datetime) -> None:
    """Nobody waits for an answer once it is over; opened again without ever having had one, it is promised anew."""
    ticket.waiting_at = now
    if ticket.status in OVER:
        stop_clock(ticket)
    elif before in OVER and ticket.first_response_at is None:
        start_clock(ticket, now)


def note(session: Session, ticket: Ticket, by: By, field: str, before: str | None, after: str | None, now: datetime) -> None:
    session.add(
        TicketChange(
            id=new_id(), ticket_id=ticket.id, author=by.author, staff_id=by.staff_id, field=field, before=before, after=after, at=now
        )
    )
    if field == "assignee":
        before, after = (session.get_one(Staff, int(id)).name if id else None for id in (before, after))
    details = {name: value for name, value in (("before", before), ("after", after)) if value}
    audit.record(session, "ticket.changed", f"ticket:{ticket.id}", ticket.account_id, ticket=f"#{ticket.number}", fields=[field], **details)
    ticket.updated_at = now
    telling.signal(session, ticket)
