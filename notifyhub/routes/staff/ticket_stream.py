"""Tickets followed live by staff, as server-sent events: which have changed, and how many need an answer now."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import Blueprint, Response, current_app, request, stream_with_context

from notifyhub import access
from notifyhub.database import db, reading, utcnow
from notifyhub.news import News
from notifyhub.routes import streams
from notifyhub.signins import sessions
from notifyhub.stopping import stopping
from notifyhub.tickets import alerts, listing, rights, telling

blueprint = Blueprint("staff_ticket_stream", __name__, url_prefix="/staff/tickets")

LOOK_BACK = timedelta(seconds=10)  # times are not in the order of commits
FURTHEST = timedelta(minutes=10)  # whoever was away for longer looks at everything
BURST = 0.5  # seconds: what comes together is told at once


class Seen(NamedTuple):
    changed: dict[int, datetime]  # by number, when last
    alerts: int


@blueprint.get("/stream")
@access.staff(*rights.READERS)
def stream() -> Response:
    """?last=: as Last-Event-ID, for the first time."""
    db.session.remove()  # a stream lives for hours and needs the database for milliseconds
    last = request.headers.get("Last-Event-ID") or request.args.get("last")
    news: News = current_app.extensions["news"]
    events = _events(news, request.cookies[access.STAFF_COOKIE], _time_of(last))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(stream_with_context(events), mimetype="text/event-stream", headers=headers)


def _time_of(last_event_id: str | None) -> datetime | None:
    """An event's id is the time of its look, in milliseconds."""
    try:
        at = datetime.fromtimestamp(int(last_event_id or "") / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if utcnow() - FURTHEST < at <= utcnow() else None


def _events(news: News, token: str, since: datetime | None) -> Iterator[str]:
    with news.follow(telling.QUEUE) as hints:
        everything = since is None
        since, told = since or utcnow(), dict[int, datetime]()
        yield f"retry: {streams.RETRY_MS}\n\n"
        looked = spoken = float("-inf")
        count = -1
        while not stopping():
            hint = streams.next_hint(hints) if looked > 0 else None
            if hint:
                _drain(hints)
            if hint or time.monotonic() - looked > streams.LOOK_AGAIN:
                now, looked = utcnow(), time.monotonic()
                seen = _look(token, since - LOOK_BACK, now)
                if seen is None:
                    return
                fresh = [number for number, at in seen.changed.items() if told.get(number) != at]
                if fresh or everything or hint or seen.alerts != count:
                    yield streams.event("tickets", {"numbers": fresh, "all": everything, "alerts": seen.alerts}, _id_of(now))
                    spoken = time.monotonic()
                since, told, count, everything = now, seen.changed, seen.alerts, False
            elif time.monotonic() - spoken > streams.HEARTBEAT:
                spoken = time.monotonic()
                yield ": still here\n\n"


def _drain(hints: queue.Queue[dict[str, Any]]) -> None:
    time.sleep(BURST)
    with contextlib.suppress(queue.Empty):
        while True:
            hints.get_nowait()


def _id_of(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


def _look(token: str, since: datetime, now: datetime) -> Seen | None:
    """None: whoever listens is no longer signed in, or no longer has a role for it."""
    try:
        with reading() as session:
            found = sessions.member(session, token, now)
            departments = rights.readable(found[1].roles) if found else ()
            if not departments:
                return None
            return Seen(listing.changed_since(session, departments, since), alerts.count(session, departments, now))
    finally:
        db.session.remove()
