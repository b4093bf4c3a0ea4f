from __future__ import annotations

import uuid
from typing import Any

from flask import Response, request, stream_with_context
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from notifyhub import access
from notifyhub.announcements import life, preview, proof
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.models import Announcement
from notifyhub.routes import progress as progress_events
from notifyhub.routes.api import schemas
from notifyhub.routes.api.base import Blueprint, Paging, idempotent, page_of, read_cursor, settings

blueprint = Blueprint("announcements", __name__, url_prefix="/v1/announcements", description="What ops publish to many accounts")
DRAFT_BYTES = 4 * 1024 * 1024


@blueprint.post("")
@access.key("announcements")
@access.body_limit(DRAFT_BYTES)
@idempotent
@blueprint.arguments(schemas.Draft)
@blueprint.response(201, schemas.Announcement)
def create_draft(document: dict[str, Any]) -> Any:
    """Draft an announcement. Maintenance and emergency also need an impact and a window."""
    with transaction() as session:
        return life.draft(session, document, settings().default_locale, utcnow())


@blueprint.get("")
@access.key("announcements")
@blueprint.arguments(Paging, location="query")
@blueprint.response(200, schemas.AnnouncementPage)
def list_announcements(query: dict[str, Any]) -> Any:
    """Newest first."""
    rows = select(Announcement).order_by(Announcement.created_at.desc(), Announcement.id.desc()).limit(query["limit"] + 1)
    if before := read_cursor(query["cursor"]):
        rows = rows.where(tuple_(Announcement.created_at, Announcement.id) < tuple_(*before))
    return page_of([dict(vars(row)) for row in db.session.scalars(rows)], query["limit"])


@blueprint.get("/<uuid:id>")
@access.key("announcements")
@blueprint.response(200, schemas.Announcement)
def get_announcement(id: uuid.UUID) -> Any:
    """Read an announcement."""
    return life.find(db.session(), id)


@blueprint.patch("/<uuid:id>")
@access.key("announcements")
@access.body_limit(DRAFT_BYTES)
@blueprint.arguments(schemas.DraftChange)
@blueprint.response(200, schemas.Announcement)
def change_draft(document: dict[str, Any], id: uuid.UUID) -> Any:
    """Change a draft. What is absent stays."""
    with transaction() as session:
        return life.change(session, id, document, settings().default_locale, utcnow())


@blueprint.delete("/<uuid:id>")
@access.key("announcements")
@blueprint.response(204)
def drop_draft(id: uuid.UUID) -> Any:
    """Drop a draft."""
    with transaction() as session:
        life.drop(session, id)


@blueprint.post("/<uuid:id>/preview")
@access.key("announcements")
@blueprint.response(200, schemas.Preview)
def preview_announcement(id: uuid.UUID) -> Any:
    """What publishing would do: how many are told, where and why, a sample, and the mails as they would look."""
    with reading() as session:
        return preview.preview(session, life.find(session, id), settings(), utcnow())


@blueprint.post("/<uuid:id>/publish")
@access.key("announcements")
@idempotent
@blueprint.arguments(schemas.Publication)
@blueprint.response(200, schemas.Announcement)
def publish(document: dict[str, Any], id: uuid.UUID) -> Any:
    """Publish a draft, now."""
    with transaction() as session:
        return life.publish(session, id, utcnow())


@blueprint.get("/<uuid:id>/progress")
@access.key("announcements")
@blueprint.response(200, schemas.Progress)
@blueprint.alt_response(
    200, schema={"type": "string"}, content_type="text/event-stream", description="`progress` events, until all is sent"
)
def progress(id: uuid.UUID) -> Any:
    """How far the newest revision has come. As server-sent events with Accept: text/event-stream."""
    if request.accept_mimetypes.best_match(["application/json", "text/event-stream"]) != "text/event-stream":
        return proof.progress(db.session(), life.find(db.session(), id))
    life.find(db.session(), id)
    return progress_events.stream(lambda session: _progress(session, id))


def _progress(session: Session, id: uuid.UUID) -> tuple[Any, bool]:
    made = proof.progress(session, life.find(session, id))
    return schemas.Progress().dump(made), made["over"]


@blueprint.get("/<uuid:id>/recipients")
@access.key("announcements")
@blueprint.arguments(Paging, location="query")
@blueprint.response(200, schemas.RecipientPage)
@blueprint.alt_response(200, schema={"type": "string"}, content_type="text/csv", description="all of them, one line a delivery")
def recipients(query: dict[str, Any], id: uuid.UUID) -> Any:
    """The proof: who was told what, when, where, and the relay's answer. All of it as CSV with Accept: text/csv."""
    life.find(db.session(), id)
    if request.accept_mimetypes.best_match(["application/json", "text/csv"]) == "text/csv":
        headers = {"Content-Disposition": f'attachment; filename="recipients-{id}.csv"'}
        return Response(stream_with_context(proof.as_csv(db.session(), id)), mimetype="text/csv", headers=headers)
    after = read_cursor(query["cursor"])
    return page_of(proof.recipients(db.session(), id, after, query["limit"] + 1), query["limit"])
