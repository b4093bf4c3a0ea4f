from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from notifyhub import access, inbox
from notifyhub.accounts import lookup
from notifyhub.config import Settings
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import Account, Notification
from notifyhub.routes import streams
from notifyhub.routes.api import schemas
from notifyhub.routes.api.base import Blueprint, page_of, read_cursor, settings

blueprint = Blueprint("inbox", __name__, url_prefix="/v1/accounts/<external_id:external_id>/inbox", description="What an account was told")


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
    follower = streams.Follower(account.id, functools.partial(_shown, settings()))
    return streams.answer(follower, request.headers.get("Last-Event-ID"))


def _shown(settings: Settings, session: Session, account: Account, rows: Sequence[Notification]) -> list[dict[str, Any]]:
    return inbox.shown(session, settings, account, rows)
