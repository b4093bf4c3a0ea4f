"""How many tickets need an answer now: their time is nearly gone, or gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, literal_column, or_, select
from sqlalchemy.orm import Session

from notifyhub.models import Ticket
from notifyhub.tickets.states import RANKS_RUNNING, RANKS_WAITING

MOST = 100  # are counted: it stands on every page of staff


def count(session: Session, departments: Collection[str], now: datetime) -> int:
    """As the sweep has warned of them, or as the clock stands."""
    alarming = (
        select(Ticket.id)
        .where(Ticket.rank.in_(RANKS_RUNNING), Ticket.rank < literal_column(str(RANKS_WAITING)))  # as the partial index says it
        .where(Ticket.department.in_(departments), or_(Ticket.warned_at.is_not(None), Ticket.waiting_at <= now))
        .limit(MOST)
    )
    return session.execute(select(func.count()).select_from(alarming.subquery())).scalar_one()
