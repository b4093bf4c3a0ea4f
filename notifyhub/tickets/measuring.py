"""How soon tickets really had their first response, for whoever compares that with the promise."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from notifyhub.models import Ticket, TicketMessage
from notifyhub.tickets import clock


def first_responses(session: Session, since: datetime, until: datetime, limit: int, now: datetime) -> dict[str, list[timedelta]]:
    """Of the first that were opened since then, by the way they came (page, api, mail …).

    One that is late counts with the time it has waited so far: else those that nobody answers would make us look quick. One that
    is not answered, and not late either, says nothing yet.
    """
    came_by = select(TicketMessage.via).where(TicketMessage.ticket_id == Ticket.id).order_by(TicketMessage.id).limit(1).scalar_subquery()
    rows = session.execute(
        select(came_by, Ticket)
        .options(load_only(Ticket.status, Ticket.promise_minutes, Ticket.promised_at, Ticket.first_response_at))
        .where(Ticket.created_at >= since, Ticket.created_at < until)
        .order_by(Ticket.created_at, Ticket.id)
        .limit(limit)
    )
    found: dict[str, list[timedelta]] = defaultdict(list)
    for via, ticket in rows:
        if (waited := _waited(clock.read(ticket, now))) is not None:
            found[via].append(waited)
    return found


def _waited(read: clock.Clock) -> timedelta | None:
    return read.promised - read.left if read.phase == "breached" else read.taken
