from __future__ import annotations

import queue
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, current_app, request, stream_with_context
from flask import json as flask_json

from notifyhub import access, inbox
from notifyhub.accounts import lookup
from notifyhub.config import Settings
from notifyhub.database import db, transaction, utcnow
from notifyhub.database import reading as reads
from notifyhub.models import Account, Notification
from notifyhub.news import News
from notifyhub.routes.api import schemas
from notifyhub.routes.api.base import Blueprint, page_of, read_cursor, settings
from notifyhub.stopping import stopping

blueprint = Blueprint("inbox", __name__, url_prefix="/v1/accounts/<external_id:external_id>/inbox", description="What an account was told")

LOOK_BACK = timedelta(minutes=5)  # ids and times are not in the order of commits
LOOK_AGAIN = 20.0  # seconds without news: a hint may have been lost
HEARTBEAT = 15.0  # seconds: proxies close connections that are silent
RETRY_MS = 2000


@blueprint.get("")
@access.key("accounts")
@blueprint.arguments(schemas.InboxQuery, location="query")
@blueprint.response(200, schemas.InboxPage)
def list_inbox(query: dict[str, Any], external_id: str) -> Any:
    """Newest first."""
    account = lookup.find(db.session(), external_id)
    before = read_cursor(query["cursor"])
    wanted = inbox.Filter(query["category"], query["unread"], query["q"])
    items = inbox.page(db.session(), settings(), account, wanted, inbox.Position(*before) if before else None, query["limit"] + 1)
    return page_of(items, query["limit"])


@blueprint.get("/unread-count")
@access.key("accounts")
@blueprint.response(200, schemas.UnreadCount)
def unread_count(external_id: str) -> Any:
    """How many items are unread."""
    return {"unread": inbox.unread_count(db.session(), lookup.find(db.session(), external_id).id)}


@blueprint.post("/<uuid:id>/read")
@access.key("accounts")
@blueprint.response(200, schemas.InboxItem)
def mark_read(external_id: str, id: uuid.UUID) -> Any:
    """Mark an item as read."""
    return _change(external_id, lambda session, account: inbox.mark(session, account, id, utcnow()))


@blueprint.post("/<uuid:id>/unread")
@access.key("accounts")
@blueprint.response(200, schemas.InboxItem)
def mark_unread(external_id: str, id: uuid.UUID) -> Any:
    """Mark an item as unread again."""
    return _change(external_id, lambda session, account: inbox.mark(session, account, id, None))


@blueprint.post("/<uuid:id>/archive")
@access.key("accounts")
@blueprint.response(200, schemas.InboxItem)
def archive(external_id: str, id: uuid.UUID) -> Any:
    """Move an item out of sight; a search still finds it."""
    return _change(external_id, lambda session, account: inbox.archive(session, account, id, utcnow()))


def _change(external_id: str, act: Any) -> dict[str, Any]:
    with transaction() as session:
        account = lookup.find(session, external_id)
        row: Notification = act(session, account)
    return inbox.shown(db.session(), settings(), account, [row])[0]


@blueprint.post("/read-all")
@access.key("accounts")
@blueprint.response(200, schemas.MarkedRead)
def mark_all_read(external_id: str) -> Any:
    """Mark everything as read."""
    with transaction() as session:
        count = inbox.mark_all_read(session, lookup.find(session, external_id), utcnow())
    return {"read": count}


@blueprint.get("/stream")
@access.key("accounts")
@blueprint.doc(
    responses={
        "200": {
            "description": "Server-sent events: `notification` (an item), `read` ({ids, read_at}), `count` ({unread}). After a lost "
            "connection, Last-Event-ID resumes: the five minutes before it are sent again, to be folded by id.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    }
)
def stream(external_id: str) -> Response:
    """Follow an inbox live."""
    account = lookup.find(db.session(), external_id)
    db.session.remove()  # a stream lives for hours and needs the database for milliseconds
    news: News = current_app.extensions["news"]
    events = _events(news, settings(), account.id, _since(request.headers.get("Last-Event-ID")))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(stream_with_context(events), mimetype="text/event-stream", headers=headers)


def _since(last_event_id: str | None) -> datetime | None:
    """Five minutes before the last event seen (a UUIDv7 carries its time); None where there was none."""
    try:
        last = uuid.UUID(last_event_id or "")
        seen = datetime.fromtimestamp((last.int >> 80) / 1000, UTC)
    except ValueError:
        return None
    return min(seen, utcnow()) - LOOK_BACK if last.version == 7 else None


def _events(news: News, settings: Settings, account_id: int, since: datetime | None) -> Iterator[str]:
    known: dict[uuid.UUID, datetime] = {}
    with news.follow(account_id) as hints:
        if since is None:  # what is there already is no news; what is being committed at this moment is
            since = utcnow() - LOOK_BACK
            known = _there(account_id, since)
        yield f"retry: {RETRY_MS}\n\n"
        looked = spoken = float("-inf")
        count = -1
        while not stopping():
            hint = _next(hints) if looked > 0 else None
            now = time.monotonic()
            if hint and "read" in hint:
                yield _event("read", {"ids": hint["read"], "read_at": hint["read_at"]})
            if hint or now - looked > LOOK_AGAIN:
                looked = spoken = now
                items, unread = _look(settings, account_id, since, known)
                for item in items:
                    yield _event("notification", item, str(item["id"]))
                if unread != count:
                    count = unread
                    yield _event("count", {"unread": unread})
            elif now - spoken > HEARTBEAT:
                spoken = now
                yield ": still here\n\n"
            # everything younger than five minutes is looked at again, so only that much has to be remembered
            since = max(since, utcnow() - LOOK_BACK)
            for id in [id for id, created_at in known.items() if created_at < since]:
                del known[id]


def _next(hints: queue.Queue[dict[str, Any]]) -> dict[str, Any] | None:
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


def _look(settings: Settings, account_id: int, since: datetime, known: dict[uuid.UUID, datetime]) -> tuple[list[dict[str, Any]], int]:
    try:
        with reads() as session:
            account = session.get(Account, account_id)
            if account is None or account.erased_at:
                return [], 0
            rows = inbox.new_since(session, account_id, since, list(known))
            known.update((row.id, row.created_at) for row in rows)
            return inbox.shown(session, settings, account, rows), inbox.unread_count(session, account_id)
    finally:
        db.session.remove()


def _event(name: str, data: Any, id: str | None = None) -> str:
    lines = [f"id: {id}"] if id else []
    return "\n".join([*lines, f"event: {name}", f"data: {flask_json.dumps(data)}", "", ""])
