"""What agents work through: by priority, then time left; what needs nobody's answer comes last."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, literal_column, select, tuple_
from sqlalchemy.orm import Session

from notifyhub.models import Account, Staff, Ticket
from notifyhub.tickets.listing import Row
from notifyhub.tickets.states import OVER, RANKS_RUNNING, RANKS_WAITING


class Wanted(NamedTuple):
    department: str | None = None
    status: str | None = None  # None: all that are neither resolved nor closed
    assignee_id: int | None = None  # None: whoever's; 0: nobody's


class Position(NamedTuple):
    """Where a page ends: of what is over, `rank` is the same for all."""

    rank: int
    at: datetime
    id: uuid.UUID


def page(session: Session, wanted: Wanted, after: Position | None, limit: int) -> tuple[list[Row], Position | None]:
    """With where the next page goes on. Resolved and closed ones come newest first."""
    query = select(Ticket, Account, Staff).outerjoin(Account, Account.id == Ticket.account_id)
    query = query.outerjoin(Staff, Staff.id == Ticket.assignee_id).where(*_conditions(wanted))
    if wanted.status in OVER:
        if after:
            query = query.where(tuple_(Ticket.updated_at, Ticket.id) < tuple_(after.at, after.id))
        query = query.order_by(Ticket.updated_at.desc(), Ticket.id.desc())
    else:
        if after:
            query = query.where(tuple_(Ticket.rank, Ticket.waiting_at, Ticket.id) > tuple_(*after))
        query = query.order_by(Ticket.rank, Ticket.waiting_at, Ticket.id)
    rows = [Row(*found) for found in session.execute(query.limit(limit + 1))]
    last = rows[limit - 1].ticket if len(rows) > limit else None
    at = "updated_at" if wanted.status in OVER else "waiting_at"
    return rows[:limit], Position(last.rank, getattr(last, at), last.id) if last else None


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = [Ticket.status == wanted.status] if wanted.status else []
    if wanted.status not in OVER:
        conditions.append(Ticket.rank < literal_column(str(RANKS_WAITING)))  # as the partial index says it
    if wanted.department:
        conditions.append(Ticket.department == wanted.department)
    if wanted.assignee_id is not None:
        conditions.append(Ticket.assignee_id == wanted.assignee_id if wanted.assignee_id else Ticket.assignee_id.is_(None))
    return conditions


class Counts(NamedTuple):
    """Of what is neither resolved nor closed."""

    unanswered: int  # whose clock runs
    open: int
    waiting_for_customer: int
    unassigned: int


def counts(session: Session, wanted: Wanted) -> Counts:
    """`wanted`, whatever its status."""
    groups = (Ticket.rank, Ticket.status, Ticket.assignee_id.is_(None))
    query = select(*groups, func.count()).where(*_conditions(wanted._replace(status=None))).group_by(*groups)
    rows: Sequence[Any] = session.execute(query).all()
    return Counts(
        sum(count for rank, *_, count in rows if rank in RANKS_RUNNING),
        sum(count for _, status, _, count in rows if status == "open"),
        sum(count for _, status, _, count in rows if status == "waiting_for_customer"),
        sum(count for *_, unassigned, count in rows if unassigned),
    )
