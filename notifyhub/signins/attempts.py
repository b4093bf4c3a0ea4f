"""The limits on trying to sign in. They are counted in the database, so that they hold over all processes: docs/decisions/0013.

Nobody may be able to lock out someone else: what waits is the place that the failures come from. Only when they come from
very many places at once does an e-mail address have to be tried from a browser or a place where it was right before.
"""

from __future__ import annotations

import hashlib
import ipaddress
import uuid
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from notifyhub.database import new_id, take_turns
from notifyhub.errors import TooMany
from notifyhub.languages import N_
from notifyhub.models import SignInAttempt

KEPT = timedelta(days=1)


class Limit(NamedTuple):
    most: int
    within: timedelta


FAILURES_OF_ONE_FROM_ONE_PLACE = Limit(5, timedelta(minutes=15))
FAILURES_FROM_ONE_PLACE = Limit(20, timedelta(hours=1))
FAILURES_OF_ONE = Limit(50, timedelta(hours=1))  # then only from places that are known to be theirs
LINKS_TO_ONE = Limit(3, timedelta(hours=1))
LINKS_FROM_ONE_PLACE = Limit(3, timedelta(hours=1))
TESTS_TO_ONE = Limit(3, timedelta(hours=1))
TESTS_OF_ONE_ACCOUNT = Limit(3, timedelta(hours=1))
ANSWERS_TO_ONE = (Limit(3, timedelta(hours=1)), Limit(10, timedelta(hours=23)))  # which is less than they are kept
CHATS_FROM_ONE_PLACE = Limit(20, timedelta(hours=1))
CHATS_TO_ONE = Limit(3, timedelta(hours=1))  # tickets about them, which are mailed to an address that nobody has proven


def key_of(email_key: str) -> bytes:
    return hashlib.sha256(email_key.encode("utf-8", "replace")).digest()


def network(origin: str | None) -> str:
    """Whoever has one address of IPv6 has 2^64 of them."""
    try:
        address = ipaddress.ip_address((origin or "").partition("%")[0])
    except ValueError:
        return origin or "unknown"
    if address.version == 6 and (mapped := address.ipv4_mapped):
        address = mapped
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))


def begin(session: Session, key: bytes, place: str, known_place: bool, now: datetime) -> uuid.UUID:
    """Counts as failed until succeeded() says otherwise, so that many at once count right. Raises TooMany, and counts nothing then."""
    take_turns(session, f"password {key.hex()}", f"password {place}")
    this, here = SignInAttempt.key == key, SignInAttempt.origin == place
    _refuse_over(session, FAILURES_OF_ONE_FROM_ONE_PLACE, this & here, now)
    _refuse_over(session, FAILURES_FROM_ONE_PLACE, here, now)
    if not known_place:
        _refuse_over(session, FAILURES_OF_ONE, this, now)
    row = SignInAttempt(id=new_id(), what="password", key=key, origin=place, at=now, ok=False)
    session.add(row)
    session.flush()
    return row.id


def _refuse_over(session: Session, limit: Limit, which: ColumnElement[bool], now: datetime) -> None:
    if wait := _wait(session, limit, which & _failures(limit, now), now):
        raise TooMany(N_("Too many attempts. Please wait a while, then try again."), int(wait.total_seconds()) + 1)


def _wait(session: Session, limit: Limit, which: ColumnElement[bool], now: datetime) -> timedelta | None:
    """How long until there are fewer of them than the limit; None: there are fewer."""
    newest = select(SignInAttempt.at).where(which).order_by(SignInAttempt.at.desc()).offset(limit.most - 1).limit(1)
    at = session.execute(newest).scalar()
    return None if at is None else at + limit.within - now


def lock_reached(session: Session, key: bytes, place: str, now: datetime) -> str | None:
    """Which limit the failure just counted has reached: for the audit log, which hears of it once."""
    this, here = SignInAttempt.key == key, SignInAttempt.origin == place
    for name, limit, which in (
        ("this address from this place", FAILURES_OF_ONE_FROM_ONE_PLACE, this & here),
        ("this place", FAILURES_FROM_ONE_PLACE, here),
        ("this address from anywhere new", FAILURES_OF_ONE, this),
    ):
        if _failed(session, which, limit, now) == limit.most:
            return name
    return None


def _failed(session: Session, which: ColumnElement[bool], limit: Limit, now: datetime) -> int:
    return session.execute(select(func.count()).where(which & _failures(limit, now))).scalar_one()


def _failures(limit: Limit, now: datetime) -> ColumnElement[bool]:
    return (SignInAttempt.what == "password") & SignInAttempt.ok.is_(False) & (SignInAttempt.at > now - limit.within)


def succeeded(session: Session, id: uuid.UUID) -> None:
    session.execute(update(SignInAttempt).where(SignInAttempt.id == id).values(ok=True))


def may_mail_link(session: Session, key: bytes, place: str, now: datetime) -> bool:
    """Nobody can use us to flood a mailbox. Counts it where it may."""
    take_turns(session, f"link {key.hex()}", f"link {place}")
    asked = SignInAttempt.what == "link"
    for limit, which in ((LINKS_TO_ONE, SignInAttempt.key == key), (LINKS_FROM_ONE_PLACE, SignInAttempt.origin == place)):
        if _wait(session, limit, asked & which & (SignInAttempt.at > now - limit.within), now):
            return False
    session.add(SignInAttempt(id=new_id(), what="link", key=key, origin=place, at=now, ok=True))
    return True


def test_must_wait(session: Session, key: bytes, account_id: int, now: datetime) -> timedelta | None:
    """The same for test mails. None: one may be mailed, and is counted."""
    place = f"account {account_id}"
    take_turns(session, f"test {key.hex()}", f"test {place}")
    asked = SignInAttempt.what == "test"
    for limit, which in ((TESTS_TO_ONE, SignInAttempt.key == key), (TESTS_OF_ONE_ACCOUNT, SignInAttempt.origin == place)):
        if wait := _wait(session, limit, asked & which & (SignInAttempt.at > now - limit.within), now):
            return wait
    session.add(SignInAttempt(id=new_id(), what="test", key=key, origin=place, at=now, ok=True))
    return None


def may_answer_mail(session: Session, key: bytes, now: datetime) -> bool:
    """The same for automatic answers to mails, whose sender anyone may have written there."""
    take_turns(session, f"answer {key.hex()}")
    answered = (SignInAttempt.what == "answer") & (SignInAttempt.key == key)
    if any(_wait(session, limit, answered & (SignInAttempt.at > now - limit.within), now) for limit in ANSWERS_TO_ONE):
        return False
    session.add(SignInAttempt(id=new_id(), what="answer", key=key, origin="mail", at=now, ok=True))
    session.flush()
    return True


def chat_must_wait(session: Session, place: str, now: datetime) -> timedelta | None:
    """Before another conversation is begun from there. None: it may be, and is counted."""
    key = key_of(place)
    take_turns(session, f"chat {place}")
    begun = (SignInAttempt.what == "chat") & (SignInAttempt.key == key)
    return _wait_or_count(session, CHATS_FROM_ONE_PLACE, begun, SignInAttempt(what="chat", key=key, origin=place), now)


def chat_address_must_wait(session: Session, key: bytes, place: str, now: datetime) -> timedelta | None:
    """The same before a conversation is to be answered at this address."""
    take_turns(session, f"chat address {key.hex()}")
    given = (SignInAttempt.what == "chat address") & (SignInAttempt.key == key)
    return _wait_or_count(session, CHATS_TO_ONE, given, SignInAttempt(what="chat address", key=key, origin=place), now)


def _wait_or_count(session: Session, limit: Limit, which: ColumnElement[bool], attempt: SignInAttempt, now: datetime) -> timedelta | None:
    wait = _wait(session, limit, which & (SignInAttempt.at > now - limit.within), now)
    if wait is None:
        attempt.id, attempt.at, attempt.ok = new_id(), now, True
        session.add(attempt)
    return wait


def prune(session: Session, now: datetime) -> None:
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < now - KEPT))
