"""Which roles of staff may read tickets, and which may answer them, by department."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub.models import Staff
from notifyhub.tickets.states import DEPARTMENTS

MAY_ANSWER: Mapping[str, Collection[str]] = {"agent": DEPARTMENTS, "billing": ("financial",), "admin": DEPARTMENTS}
MAY_READ: Mapping[str, Collection[str]] = {**MAY_ANSWER, "ops": DEPARTMENTS}
READERS = tuple(role for role in MAY_READ if role != "admin")  # who may do everything


def readable(roles: Collection[str]) -> tuple[str, ...]:
    """The departments whose tickets they may read."""
    return tuple(department for department in DEPARTMENTS if any(department in MAY_READ.get(role, ()) for role in roles))


def may_answer(roles: Collection[str], department: str) -> bool:
    return any(department in MAY_ANSWER.get(role, ()) for role in roles)


def assignable(session: Session, department: str) -> Sequence[Staff]:
    """Those who could answer its tickets, by name."""
    enabled = session.scalars(select(Staff).where(Staff.disabled_at.is_(None)).order_by(Staff.name, Staff.id)).all()
    return [member for member in enabled if may_answer(member.roles, department)]
