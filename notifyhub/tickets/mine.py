"""The tickets of a customer as the client area lists them: those that are not over first, each with what was said last."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from notifyhub import inbox
from notifyhub.database import among
from notifyhub.models import Account, Staff, Ticket, TicketMessage
from notifyhub.tickets.states import OVER
from notifyhub.tickets.telling import SOURCE

OPENING_CHARACTERS = 160


MARKS = re.compile(r"[*`]+|^#+ |^> ?", re.MULTILINE)  # of Markdown, which staff write in; one line shows none of it


class Position(NamedTuple):
    """Where a page ends."""

    over: bool
    at: datetime
    id: uuid.UUID


class Last(NamedTuple):
    author: str  # customer, staff, system
    staff: Staff | None
    opening: str
    at: datetime


class Line(NamedTuple):
    ticket: Ticket
    last: Last | None
    unread: bool


def page(session: Session, account: Account, after: Position | None, limit: int) -> tuple[list[Line], Position | None]:
    """With where the next page goes on. In each half, what was changed last comes first."""
    over = Ticket.status.in_(OVER)
    query = select(Ticket, over).where(Ticket.account_id == account.id)
    if after:
        older = tuple_(Ticket.updated_at, Ticket.id) < tuple_(after.at, after.id)
        query = query.where(and_(over, older) if after.over else or_(over, older))
    found = session.execute(query.order_by(over, Ticket.updated_at.desc(), Ticket.id.desc()).limit(limit + 1)).all()
    tickets = [ticket for ticket, _ in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    position = Position(bool(last[1]), last[0].updated_at, last[0].id) if last else None
    return _lines(session, account, tickets), position


def _lines(session: Session, account: Account, tickets: Sequence[Ticket]) -> list[Line]:
    last = _last(session, [ticket.id for ticket in tickets])
    unread = inbox.unread_about(session, account, SOURCE, [str(ticket.id) for ticket in tickets])
    return [Line(ticket, last.get(ticket.id), str(ticket.id) in unread) for ticket in tickets]


def _last(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Last]:
    """What customer and support said to each other last."""
    newest_first = (TicketMessage.created_at.desc(), TicketMessage.id.desc())
    place = func.row_number().over(partition_by=TicketMessage.ticket_id, order_by=newest_first).label("place")
    placed = select(TicketMessage.id, place).where(among(session, TicketMessage.ticket_id, ids), ~TicketMessage.internal).subquery()
    rows = session.execute(
        select(TicketMessage.ticket_id, TicketMessage.author, TicketMessage.created_at, Staff,
               func.substr(TicketMessage.body, 1, OPENING_CHARACTERS * 2))
        .join(placed, placed.c.id == TicketMessage.id)
        .outerjoin(Staff, Staff.id == TicketMessage.staff_id)
        .where(placed.c.place == 1)
    )  # fmt: skip
    return {id: Last(author, staff, _plain(begin), at) for id, author, at, staff, begin in rows}


def _plain(begin: str) -> str:
    return " ".join(MARKS.sub("", begin).split())[:OPENING_CHARACTERS]
