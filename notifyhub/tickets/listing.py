"""Tickets, newest first: those of a customer, or all that other systems ask for."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from notifyhub.models import Account, Mailbox, Staff, Ticket
from notifyhub.tickets.states import OVER, STATUSES

MOST_CHANGED = 500  # are named one by one


class Wanted(NamedTuple):
    account_id: int | None = None  # None: whoever's
    statuses: Sequence[str] = ()  # none: whatever it is
    departments: Collection[str] = ()  # none: whichever it is with
    priority: str | None = None


class Row(NamedTuple):
    ticket: Ticket
    account: Account | None
    assignee: Staff | None
    contact: Mailbox | None = None  # where there is no account


def page(session: Session, wanted: Wanted, before: tuple[datetime, uuid.UUID] | None, limit: int) -> list[Row]:
    query = (
        select(Ticket, Account, Staff, Mailbox)
        .outerjoin(Account, Account.id == Ticket.account_id)
        .outerjoin(Staff, Staff.id == Ticket.assignee_id)
        .outerjoin(Mailbox, Mailbox.id == Ticket.contact_mailbox_id)
    )
    if wanted.account_id is not None:
        query = query.where(Ticket.account_id == wanted.account_id)
    if wanted.statuses:
        query = query.where(Ticket.status.in_(wanted.statuses))
    if wanted.departments:
        query = query.where(Ticket.department.in_(wanted.departments))
    if wanted.priority:
        query = query.where(Ticket.priority == wanted.priority)
    if before:
        query = query.where(tuple_(Ticket.created_at, Ticket.id) < tuple_(*before))
    return [Row(*found) for found in session.execute(query.order_by(Ticket.created_at.desc(), Ticket.id.desc()).limit(limit))]


def changed_since(session: Session, departments: Collection[str], since: datetime) -> dict[int, datetime]:
    """When each was changed last, by number."""
    query = select(Ticket.number, Ticket.updated_at).where(Ticket.status.in_(STATUSES), Ticket.updated_at >= since)  # along the index
    rows: Any = session.execute(query.where(Ticket.department.in_(departments)).order_by(Ticket.updated_at.desc()).limit(MOST_CHANGED))
    return dict(rows.all())


def unresolved(session: Session, account_id: int) -> int:
    """How many of an account's are neither resolved nor closed."""
    return session.execute(
        select(func.count()).select_from(Ticket).where(Ticket.account_id == account_id, Ticket.status.not_in(OVER))
    ).scalar_one()
