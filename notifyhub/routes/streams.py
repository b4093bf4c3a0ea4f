"""An inbox followed live, as server-sent events: by programs with a key, and by the pages of whoever is signed in."""

from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import Response, current_app, stream_with_context
from flask import json as flask_json
from sqlalchemy.orm import Session

from notifyhub import inbox
from notifyhub.database import db, utcnow
from notifyhub.database import reading as reads
from notifyhub.models import Account, Notification
from notifyhub.news import News
from notifyhub.stopping import stopping

LOOK_BACK = timedelta(minutes=5)  # ids and times are not in the order of commits
LOOK_AGAIN = 20.0  # seconds without news: a hint may have been lost
HEARTBEAT = 15.0  # seconds: proxies close connections that are silent
RETRY_MS = 2000


class Follower(NamedTuple):
    """Of one inbox: what it is told of new items, of the unread, and how long it may listen."""

    account_id: int
    show: Callable[[Session, Account, Sequence[Notification]], list[dict[str, Any]]]  # each has the item's id
    most_unread: int | None = None  # it counts no further
    may_listen: Callable[[Session], bool] = lambda session: True


class Seen(NamedTuple):
    items: list[dict[str, Any]]
    unread: int


def answer(follower: Follower, last_event_id: str | None) -> Response:
    """`last_event_id`: the last five minutes before it are sent again, to be folded by id."""
    db.session.remove()  # a stream lives for hours and needs the database for milliseconds
    news: News = current_app.extensions["news"]
    events = _events(news, follower, since_event(last_event_id))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(stream_with_context(events), mimetype="text/event-stream", headers=headers)


def since_event(last_event_id: str | None) -> datetime | None:
    """Five minutes before the last event seen (a UUIDv7 carries its time); None where there was none."""
    try:
        last = uuid.UUID(last_event_id or "")
        seen = datetime.fromtimestamp((last.int >> 80) / 1000, UTC)
    except ValueError:
        return None
    return min(seen, utcnow()) - LOOK_BACK if last.version == 7 else None


def _events(news: News, follower: Follower, since: datetime | None) -> Iterator[str]:
    known: dict[uuid.UUID, datetime] = {}
    with news.follow(follower.account_id) as hints:
        if since is None:  # what is there already is no news; what is being committed at this moment is
            since = utcnow() - LOOK_BACK
            known = _there(follower.account_id, since)
        yield f"retry: {RETRY_MS}\n\n"
        looked = spoken = float("-inf")
        count = -1
        while not stopping():
            hint = next_hint(hints) if looked > 0 else None
            now = time.monotonic()
            if hint and "read" in hint:
                yield event("read", {"ids": hint["read"], "read_at": hint["read_at"]})
            if hint or now - looked > LOOK_AGAIN:
                looked = spoken = now
                seen = _look(follower, since, known)
                if seen is None:
                    return
                for item in seen.items:
                    yield event("notification", item, str(item["id"]))
                if seen.unread != count:
                    count = seen.unread
                    yield event("count", {"unread": count})
            elif now - spoken > HEARTBEAT:
                spoken = now
                yield ": still here\n\n"
            # everything younger than five minutes is looked at again, so only that much has to be remembered
            since = max(since, utcnow() - LOOK_BACK)
            for id in [id for id, created_at in known.items() if created_at < since]:
                del known[id]


def next_hint(hints: queue.Queue[dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return hints.get(timeout=1)  # no longer, so that a server that stops does not wait for its streams
    except queue.Empty:
        return None


def _there(account_id: int, since: datetime) -> dict[uuid.UUID, datetime]:
    try:
        with reads() as session:
            return {row.id: row.created_at for row in inbox.new_since(session, account_id, since, [])}
    finally:
        db.session.remove()


def _look(follower: Follower, since: datetime, known: dict[uuid.UUID, datetime]) -> Seen | None:
    """None: it may listen no longer."""
    try:
        with reads() as session:
            account = session.get(Account, follower.account_id)
            if account is None or account.erased_at or not follower.may_listen(session):
                return None
            rows = inbox.new_since(session, follower.account_id, since, list(known))
            known.update((row.id, row.created_at) for row in rows)
            return Seen(follower.show(session, account, rows), inbox.unread_count(session, follower.account_id, follower.most_unread))
    finally:
        db.session.remove()


def event(name: str, data: Any, id: str | None = None) -> str:
    lines = [f"id: {id}"] if id else []
    return "\n".join([*lines, f"event: {name}", f"data: {flask_json.dumps(data)}", "", ""])
