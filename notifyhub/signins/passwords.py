"""Signing in by e-mail address and password: staff."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import audit, staff
from notifyhub.database import transaction
from notifyhub.emails import parse_email
from notifyhub.errors import Refused
from notifyhub.languages import N_
from notifyhub.models import SignIn, Staff
from notifyhub.signins import attempts


class WrongPassword(Refused):
    """Or nobody with that address: the answer does not tell."""

    def __init__(self) -> None:
        super().__init__(N_("The e-mail address or the password is not right."))


class KnownBrowser(NamedTuple):
    """What a browser keeps of a sign-in that succeeded, signed by us: whoever holds it, counts apart from strangers at the same place."""

    key: str  # of the e-mail address that signed in
    nonce: str


def remembered(member: Staff) -> KnownBrowser:
    return KnownBrowser(attempts.key_of(member.email_key).hex(), secrets.token_hex(8))


def check(email: str, password: str, origin: str | None, browser: KnownBrowser | None, now: datetime) -> Staff:
    """Raises WrongPassword, TooMany. Commits by itself: a failure is counted before the slow comparison, which holds no connection."""
    email_key = _email_key(email)
    key = attempts.key_of(email_key)
    known = browser is not None and browser.key == key.hex()
    place = f"browser:{browser.nonce}" if browser and known else attempts.network(origin)
    with transaction() as session:
        attempt = attempts.begin(session, key, place, known or _signed_in_from(session, email_key, place), now)
        member = session.execute(select(Staff).where(Staff.email_key == email_key, Staff.disabled_at.is_(None))).scalar()
    right = staff.matches(member.password_hash if member else None, password)
    with transaction() as session:
        if member is None or not right:
            _tell_of_lock(session, attempts.lock_reached(session, key, place, now), member)
        else:
            attempts.succeeded(session, attempt)
            staff.renew_hash(session.get_one(Staff, member.id), password)
    if member is None or not right:
        raise WrongPassword
    return member


def _email_key(email: str) -> str:
    try:
        return parse_email(email.strip()).key
    except ValueError:
        return email.strip().casefold()


def _signed_in_from(session: Session, email_key: str, place: str) -> bool:
    origins = select(SignIn.origin).join(Staff, Staff.id == SignIn.staff_id).where(Staff.email_key == email_key).distinct()
    return place in {attempts.network(origin) for origin in session.scalars(origins)}


def _tell_of_lock(session: Session, limit: str | None, member: Staff | None) -> None:
    if limit:
        audit.record(session, "sign_in.locked", f"staff:{member.id}" if member else "staff:unknown", limit=limit)
