"""The same POST twice does its work once: the answer is committed with the work, under the caller's Idempotency-Key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import String, cast, delete, false, or_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from notifyhub.errors import FieldError, Invalid
from notifyhub.models import Idempotency

KEPT = timedelta(days=7)


class Answer(NamedTuple):
    status: int
    body: Any
    repeated: bool


def once(session: Session, actor: str, key: str, request: bytes, now: datetime, act: Callable[[], tuple[int, Any]]) -> Answer:
    """Runs `act`, or answers what it answered before. In the caller's transaction: if it fails, the key is free again.

    Two at once: the second waits for the first at the primary key. Raises Invalid where the key was used for another request.
    """
    digest = hashlib.sha256(request).digest()
    row = Idempotency(actor=actor, key=key, request_hash=digest, status=None, body=None, created_at=now)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        known = session.get_one(Idempotency, (actor, key))
        if bytes(known.request_hash) != digest:
            raise Invalid(FieldError("Idempotency-Key", "was used for another request; a new request needs a key of its own")) from None
        return Answer(known.status or 200, known.body, repeated=True)
    status, body = act()
    row.status, row.body = status, body
    return Answer(status, body, repeated=False)


def forget(session: Session, words: Iterable[str]) -> None:
    """Drops the answers that name one of these: a person who is to be erased is erased here too."""
    texts = {spelling for word in words for spelling in (word, json.dumps(word)[1:-1])}  # SQLite keeps JSON as it was written
    named = [cast(Idempotency.body, String).ilike(f"%{_escaped(text)}%", escape="\\") for text in sorted(texts)]
    session.execute(delete(Idempotency).where(or_(false(), *named)))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def prune(session: Session, now: datetime) -> None:
    session.execute(delete(Idempotency).where(Idempotency.created_at < now - KEPT))
