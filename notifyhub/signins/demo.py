"""Whom one click signs in where the demo data is: three customers, three members of staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import staff
from notifyhub.database import among
from notifyhub.errors import NotFound
from notifyhub.models import Account, Staff

ACCOUNTS = ("C-1042", "C-1043", "C-1044")
STAFF = (
    ("olivia@staff.example", "Olivia Ops", ["ops"]),
    ("aylin@staff.example", "Aylin Agent", ["agent"]),
    ("ada@staff.example", "Ada Admin", ["admin"]),
)


def create_staff(session: Session, now: datetime) -> None:
    """With passwords that nobody knows."""
    for email, name, roles in STAFF:
        staff.create(session, email, name, staff.generated_password(), roles, "en", "Europe/Berlin", now)


def accounts(session: Session) -> Sequence[Account]:
    found = select(Account).where(among(session, Account.external_id, ACCOUNTS), Account.erased_at.is_(None))
    return session.scalars(found.order_by(Account.external_id)).all()


def members(session: Session) -> Sequence[Staff]:
    found = select(Staff).where(among(session, Staff.email_key, [email for email, *_ in STAFF]), Staff.disabled_at.is_(None))
    return session.scalars(found.order_by(Staff.id)).all()


def account(session: Session, external_id: str) -> Account:
    """Raises NotFound."""
    for row in accounts(session):
        if row.external_id == external_id:
            return row
    raise NotFound(NOBODY)


def member(session: Session, email: str) -> Staff:
    """Raises NotFound."""
    for row in members(session):
        if row.email == email:
            return row
    raise NotFound(NOBODY)


NOBODY = "This is not one of the demo sign-ins."
