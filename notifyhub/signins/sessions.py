"""Sessions of browsers: a random token in a cookie, its hash in a row. What a row belongs to is looked at on every request."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import ColumnElement, Update, delete, select, update
from sqlalchemy.orm import Session

from notifyhub import audit
from notifyhub.database import changed, new_id
from notifyhub.errors import NotFound
from notifyhub.languages import N_
from notifyhub.models import Account, SignIn, Staff

How = Literal["sso", "link", "password", "demo"]

SEEN_IS_NOTED_EVERY = timedelta(minutes=5)
KEPT = timedelta(days=90)  # after it expired: an address that staff signed in from stays known for so long
USER_AGENT_CHARACTERS = 300


class Lifetime(NamedTuple):
    idle: timedelta
    whole: timedelta


CUSTOMERS = Lifetime(timedelta(hours=12), timedelta(days=7))
STAFF = Lifetime(timedelta(hours=8), timedelta(hours=24))


class Browser(NamedTuple):
    """Who asks, as HTTP knows it."""

    origin: str | None  # IP address
    user_agent: str = ""


def start(session: Session, who: Account | Staff, how: How, browser: Browser, now: datetime) -> str:
    """Answers the token for the cookie, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    mine = {"account_id": who.id} if isinstance(who, Account) else {"staff_id": who.id}
    row = SignIn(
        id=new_id(), token_hash=hash_of(token), how=how, created_at=now, last_seen_at=now, expires_at=now + _lifetime(who).whole,
        origin=browser.origin, user_agent=browser.user_agent[:USER_AGENT_CHARACTERS], **mine,
    )  # fmt: skip
    session.add(row)
    session.flush()
    with audit.as_author(audit.Author(author_of(who), browser.origin)):
        _record(session, "signed_in", row, how=how)
    return token


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def author_of(who: Account | Staff) -> str:
    return f"account:{who.id}" if isinstance(who, Account) else f"staff:{who.id} {who.name}"


def customer(session: Session, token: str, now: datetime) -> tuple[SignIn, Account] | None:
    """Whose session this is, if it still holds. An erased account has none."""
    query = select(SignIn, Account).join(Account, Account.id == SignIn.account_id).where(Account.erased_at.is_(None))
    row = session.execute(query.where(SignIn.token_hash == hash_of(token), _holds(CUSTOMERS, now))).first()
    return (row[0], row[1]) if row else None


def member(session: Session, token: str, now: datetime) -> tuple[SignIn, Staff] | None:
    """The same for staff: whoever was disabled has none."""
    query = select(SignIn, Staff).join(Staff, Staff.id == SignIn.staff_id).where(Staff.disabled_at.is_(None))
    row = session.execute(query.where(SignIn.token_hash == hash_of(token), _holds(STAFF, now))).first()
    return (row[0], row[1]) if row else None


def _holds(lifetime: Lifetime, now: datetime) -> ColumnElement[bool]:
    return SignIn.ended_at.is_(None) & (SignIn.expires_at > now) & (SignIn.last_seen_at > now - lifetime.idle)


def seen(session: Session, row: SignIn, now: datetime) -> None:
    session.execute(update(SignIn).where(SignIn.id == row.id).values(last_seen_at=now))


def must_be_noted(row: SignIn, now: datetime) -> bool:
    return now - row.last_seen_at > SEEN_IS_NOTED_EVERY


def of(session: Session, who: Account | Staff, now: datetime) -> Sequence[SignIn]:
    """Those that hold, the one last seen first."""
    return session.scalars(
        select(SignIn).where(_mine(who), _holds(_lifetime(who), now)).order_by(SignIn.last_seen_at.desc(), SignIn.id)
    ).all()


def end(session: Session, who: Account | Staff, id: uuid.UUID, now: datetime) -> None:
    """Raises NotFound where it is someone else's, or has ended."""
    row = session.execute(select(SignIn).where(SignIn.id == id, _mine(who), _holds(_lifetime(who), now))).scalar()
    if row is None or not changed(session, _ended(SignIn.id == id, now)):
        raise NotFound(N_("There is no such session any more."))
    _record(session, "signed_out", row)


def end_others(session: Session, who: Account | Staff, kept: uuid.UUID, now: datetime) -> int:
    count = changed(session, _ended(_mine(who) & (SignIn.id != kept) & _holds(_lifetime(who), now), now))
    if count:
        audit.record(session, "sign_in.others_ended", _subject(who), who.id if isinstance(who, Account) else None, count=count)
    return count


def end_all(session: Session, who: Account | Staff, now: datetime) -> None:
    """After a new password, or when someone leaves."""
    session.execute(_ended(_mine(who), now))


def leave(session: Session, token: str, now: datetime) -> None:
    """The browser goes, or signs in anew: its token is good for nothing from here on."""
    row = session.execute(select(SignIn).where(SignIn.token_hash == hash_of(token))).scalar()
    if row is None or not changed(session, _ended(SignIn.id == row.id, now)):
        return
    who = session.get_one(Account, row.account_id) if row.account_id else session.get_one(Staff, row.staff_id)
    with audit.as_author(audit.Author(author_of(who), audit.author.get().origin)):
        _record(session, "signed_out", row)


def _ended(which: ColumnElement[bool], now: datetime) -> Update:
    return update(SignIn).where(which, SignIn.ended_at.is_(None)).values(ended_at=now)


def _mine(who: Account | Staff) -> ColumnElement[bool]:
    return SignIn.account_id == who.id if isinstance(who, Account) else SignIn.staff_id == who.id


def _lifetime(who: Account | Staff) -> Lifetime:
    return CUSTOMERS if isinstance(who, Account) else STAFF


def _subject(who: Account | Staff) -> str:
    return f"account:{who.id}" if isinstance(who, Account) else f"staff:{who.id}"


def _record(session: Session, action: str, row: SignIn, **details: str) -> None:
    subject = f"account:{row.account_id}" if row.account_id else f"staff:{row.staff_id}"
    audit.record(session, f"sign_in.{action}", subject, row.account_id, sign_in=str(row.id), **details)


def prune(session: Session, now: datetime) -> None:
    session.execute(delete(SignIn).where(SignIn.expires_at < now - KEPT))
