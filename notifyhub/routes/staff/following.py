"""What staff follow live, as server-sent events: which things have changed, and a number that stands in the navigation."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import Response, current_app, request, stream_with_context
from sqlalchemy.orm import Session

from notifyhub import access
from notifyhub.database import db, reading, utcnow
from notifyhub.models import Staff
from notifyhub.news import News
from notifyhub.routes import streams
from notifyhub.signins import sessions
from notifyhub.stopping import stopping

LOOK_BACK = timedelta(seconds=10)  # times are not in the order of commits
FURTHEST = timedelta(minutes=10)  # whoever was away for longer looks at everything


class Seen(NamedTuple):
    changed: Mapping[Any, datetime]  # when last
    number: int


class Followed(NamedTuple):
    topic: str
    event: str
    burst: float  # seconds: what comes together is told at once
    look: Callable[[Session, Staff, datetime, datetime], Seen | None]  # since when, and now; None: they may not
    shown: Callable[[Sequence[Any], bool, int], dict[str, Any]]  # which have changed, whether all may have, and the number


def answer(followed: Followed, around: Callable[[Iterator[str]], Iterator[str]] = iter) -> Response:
    """?last=: as Last-Event-ID, for the first time."""
    db.session.remove()  # a stream lives for hours and needs the database for milliseconds
    last = request.headers.get("Last-Event-ID") or request.args.get("last")
    news: News = current_app.extensions["news"]
    events = around(_events(news, followed, request.cookies[access.STAFF_COOKIE], time_of(last)))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(stream_with_context(events), mimetype="text/event-stream", headers=headers)


def time_of(last_event_id: str | None) -> datetime | None:
    """An event's id is the time of its look, in milliseconds."""
    try:
        at = datetime.fromtimestamp(int(last_event_id or "") / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if utcnow() - FURTHEST < at <= utcnow() else None


def _events(news: News, followed: Followed, token: str, since: datetime | None) -> Iterator[str]:
    with news.follow(followed.topic) as hints:
        everything = since is None
        since, told = since or utcnow(), dict[Any, datetime]()
        yield f"retry: {streams.RETRY_MS}\n\n"
        looked = spoken = float("-inf")
        number = -1
        while not stopping():
            hint = streams.next_hint(hints) if looked > 0 else None
            if hint:
                _drain(hints, followed.burst)
            if hint or time.monotonic() - looked > streams.LOOK_AGAIN:
                now, looked = utcnow(), time.monotonic()
                seen = _look(followed, token, since - LOOK_BACK, now)
                if seen is None:
                    return
                fresh = [key for key, at in seen.changed.items() if told.get(key) != at]
                if fresh or everything or hint or seen.number != number:
                    yield streams.event(followed.event, followed.shown(fresh, everything, seen.number), _id_of(now))
                    spoken = time.monotonic()
                since, told, number, everything = now, dict(seen.changed), seen.number, False
            elif time.monotonic() - spoken > streams.HEARTBEAT:
                spoken = time.monotonic()
                yield ": still here\n\n"


def _drain(hints: queue.Queue[dict[str, Any]], burst: float) -> None:
    time.sleep(burst)
    with contextlib.suppress(queue.Empty):
        while True:
            hints.get_nowait()


def _id_of(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


def _look(followed: Followed, token: str, since: datetime, now: datetime) -> Seen | None:
    """None: whoever listens is no longer signed in, or no longer has a role for it."""
    try:
        with reading() as session:
            found = sessions.member(session, token, now)
            return followed.look(session, found[1], since, now) if found else None
    finally:
        db.session.remove()
