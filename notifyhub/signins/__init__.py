"""How people sign in: browsers' sessions, links by mail, tokens of the provider's own client area, passwords, and their limits."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from notifyhub.signins import attempts, links, sessions, sso


def prune(session: Session, now: datetime) -> None:
    for part in (attempts, links, sessions, sso):
        part.prune(session, now)
