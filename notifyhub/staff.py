"""Members of staff: who they are, what they may do, and their passwords."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from notifyhub import audit
from notifyhub.accounts.document import read_locale, read_time_zone
from notifyhub.emails import parse_email
from notifyhub.errors import Conflict, FieldError, Invalid, NotFound
from notifyhub.models import Staff
from notifyhub.signins import sessions
from notifyhub.words import one_line

T = TypeVar("T")

ROLES = ("ops", "agent", "billing", "abuse", "admin")
LEAST_CHARACTERS = 12  # of a password
MOST_CHARACTERS = 500

hasher = PasswordHasher()  # argon2id, with the library's parameters of the day


def create(
    session: Session, email: str, name: str, password: str, roles: Iterable[str], locale: str, time_zone: str, now: datetime
) -> Staff:
    """Raises Invalid, Conflict."""
    errors: list[FieldError] = []
    address = _read("email", parse_email, email, errors)
    called = _read("name", lambda text: one_line(text, 100, 1), name, errors)
    spoken = _read("locale", read_locale, locale, errors)
    zone = _read("time_zone", read_time_zone, time_zone, errors)
    errors += _wrong_with_roles(roles := sorted(set(roles)))
    errors += _wrong_with_password(password, email)
    if errors or address is None or called is None or spoken is None or zone is None:
        raise Invalid(*errors)
    row = Staff(
        email=address.address, email_key=address.key, name=called, password_hash=hasher.hash(password), roles=roles,
        locale=spoken, time_zone=zone, created_at=now, disabled_at=None,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict(f"There is a member of staff with the address {address.address} already.") from None
    audit.record(session, "staff.created", f"staff:{row.id}", name=row.name, roles=roles)
    return row


def _read(field: str, read: Callable[[str], T], text: str, errors: list[FieldError]) -> T | None:
    try:
        return read(text)
    except ValueError as error:
        errors.append(FieldError(field, str(error)))
        return None


def _wrong_with_roles(roles: Sequence[str]) -> list[FieldError]:
    if unknown := [role for role in roles if role not in ROLES]:
        return [FieldError("roles", f"unknown: {', '.join(unknown)}; known are {', '.join(ROLES)}")]
    return [] if roles else [FieldError("roles", f"at least one is needed; known are {', '.join(ROLES)}")]


def _wrong_with_password(password: str, email: str) -> list[FieldError]:
    if len(password) < LEAST_CHARACTERS:
        return [FieldError("password", f"needs at least {LEAST_CHARACTERS} characters")]
    if len(password) > MOST_CHARACTERS:
        return [FieldError("password", f"may have {MOST_CHARACTERS} characters at most")]
    if password.casefold().strip() == email.casefold().strip():
        return [FieldError("password", "must not be the e-mail address")]
    if len(set(password)) < 4:
        return [FieldError("password", "is one character again and again")]
    return []


def generated_password() -> str:
    return secrets.token_urlsafe(18)


def everyone(session: Session) -> Sequence[Staff]:
    return session.scalars(select(Staff).order_by(Staff.id)).all()


def find(session: Session, email: str) -> Staff:
    """Raises NotFound."""
    try:
        key = parse_email(email).key
    except ValueError:
        key = ""
    row = session.execute(select(Staff).where(Staff.email_key == key)).scalar()
    if row is None:
        raise NotFound(f"There is no member of staff with the address {email}.")
    return row


def disable(session: Session, email: str, now: datetime) -> Staff:
    row = find(session, email)
    if row.disabled_at is None:
        row.disabled_at = now
        sessions.end_all(session, row, now)
        audit.record(session, "staff.disabled", f"staff:{row.id}", name=row.name)
    return row


def set_password(session: Session, email: str, password: str, now: datetime) -> Staff:
    """All their sessions end. Raises NotFound, Invalid."""
    row = find(session, email)
    if wrong := _wrong_with_password(password, row.email):
        raise Invalid(*wrong)
    row.password_hash = hasher.hash(password)
    sessions.end_all(session, row, now)
    audit.record(session, "staff.password_set", f"staff:{row.id}", name=row.name)
    return row


def matches(password_hash: str | None, password: str) -> bool:
    """Takes as long where there is nobody whose hash it could be."""
    try:
        return hasher.verify(password_hash or _nobodys_hash(), password[:MOST_CHARACTERS]) and password_hash is not None
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return hasher.hash(secrets.token_urlsafe(32))


def renew_hash(row: Staff, password: str) -> None:
    """One made with weaker parameters than today's is renewed while the password is at hand."""
    if hasher.check_needs_rehash(row.password_hash):
        row.password_hash = hasher.hash(password)
