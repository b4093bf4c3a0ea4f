"""The append-only record of changes. It names accounts and mailboxes by internal id, so that erasing a person leaves it whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from notifyhub.database import utcnow
from notifyhub.models import AuditEntry


class Author(NamedTuple):
    """Who acts, as the edges know it: a key, a person, a command, the system itself."""

    actor: str
    origin: str | None = None


SYSTEM = Author("system")
author: ContextVar[Author] = ContextVar("author", default=SYSTEM)


@contextlib.contextmanager
def as_author(acting: Author) -> Iterator[None]:
    """For whoever only now shows who they are, such as by signing in."""
    token = author.set(acting)
    try:
        yield
    finally:
        author.reset(token)


def record(session: Session, action: str, subject: str, account_id: int | None = None, **details: Any) -> None:
    actor, origin = author.get()
    session.add(AuditEntry(at=utcnow(), actor=actor, origin=origin, action=action, subject=subject, account_id=account_id, details=details))
