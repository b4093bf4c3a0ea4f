"""Announcements as staff see them: the list, how the delivery of one goes, and whom it did not reach."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from notifyhub import access, labels
from notifyhub.announcements import life, listing, preview, proof
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Conflict
from notifyhub.kinds import KINDS
from notifyhub.models import Revision
from notifyhub.routes import mail_frame, pages, progress
from notifyhub.routes.api.base import write_cursor
from notifyhub.routes.staff import paging
from notifyhub.signins import sessions

blueprint = Blueprint("staff_announcements", __name__, url_prefix="/staff/announcements")

PAGE = 25
RECIPIENTS_PAGE = 50


@blueprint.get("")
@access.staff("ops")
def index() -> str:
    view = request.args.get("view", "current")
    if view not in listing.VIEWS:
        abort(404)
    session, now = db.session(), utcnow()
    rows, following = listing.page(session, view, paging.before_time(), PAGE, now)
    return render_template(
        "staff/announcements.html",
        rows=rows,
        view=view,
        drafts=listing.drafts(session),
        stage=lambda row: listing.stage(row, now),
        text=text_of,
        following=url_for(".index", view=view, cursor=write_cursor(*following)) if following else None,
        first_page="cursor" not in request.args,
    )


def text_of(content: dict[str, Any]) -> dict[str, str]:
    """In the reader's language, or in the one that most accounts read."""
    default_locale = current_app.extensions["settings"].default_locale
    text: dict[str, str] = content[preview.text_for(g.staff.locale, content, default_locale)]
    return text


def author(actor: str | None) -> str:
    """Of "staff:3 Olivia Ops" the name, of a key the whole."""
    who, _, name = (actor or "").partition(" ")
    return name if who.startswith("staff:") and name else actor or ""


# --- one of them ------------------------------------------------------------------------------------------------------


@blueprint.get("/<uuid:id>")
@access.staff("ops")
def show(id: uuid.UUID) -> ResponseReturnValue:
    session = db.session()
    announcement = life.find(session, id)
    if announcement.status == "draft":
        return redirect(f"/staff/announcements/{id}/edit", 303)
    revision = session.get_one(Revision, (id, announcement.revision))
    watched = proof.watched(session, announcement)
    return render_template(
        "staff/delivery.html",
        announcement=announcement,
        revision=revision,
        stage=listing.stage(announcement, utcnow()),
        progress=watched.progress,
        pace=watched.pace,
        text=text_of(revision.content),
        lane=labels.LANES[KINDS[announcement.kind].lane.name],
        sandbox=mail_frame.SANDBOX,
    )


@blueprint.get("/<uuid:id>/progress")
@access.staff("ops")
def follow(id: uuid.UUID) -> Response:
    """The same figures as they change, as server-sent events."""
    session = db.session()
    life.find(session, id)
    session.refresh(g.staff)
    session.expunge(g.staff)  # it says how numbers and times are written, long after this session is given back
    token = request.cookies.get(access.STAFF_COOKIE, "")
    return progress.stream(lambda session: _told(session, id, token))


def _told(session: Session, id: uuid.UUID, token: str) -> tuple[Any, bool]:
    if sessions.member(session, token, utcnow()) is None:
        return None, True  # signed out meanwhile
    announcement = life.find(session, id)
    watched = proof.watched(session, announcement)
    made = watched.progress
    return {
        "html": render_template("staff/_delivery.html", announcement=announcement, progress=made),
        "sent": _sent(made),
        "of": made["mails"],
        "told": made["fanned_out"],
        "over": made["over"],
        "pace": {"step": watched.pace.step, "counts": watched.pace.counts} if watched.pace else None,
    }, made["over"]


def _sent(made: dict[str, Any]) -> int:
    return int(made["mails"] - made["waiting"])


@blueprint.get("/<uuid:id>/not-reached")
@access.staff("ops")
def not_reached(id: uuid.UUID) -> str:
    """The mails that did not arrive, of one state and one reason."""
    session = db.session()
    announcement = life.find(session, id)
    state, reason = request.args.get("state", ""), request.args.get("reason") or None
    if state not in proof.UNREACHED:
        abort(404)
    try:
        rows = proof.not_reached(session, announcement, state, reason, request.args.get("cursor"), RECIPIENTS_PAGE + 1)
    except ValueError:
        raise paging.wrong_cursor() from None
    more = len(rows) > RECIPIENTS_PAGE
    return render_template(
        "staff/not_reached.html",
        announcement=announcement,
        text=text_of(announcement.content),
        rows=rows[:RECIPIENTS_PAGE],
        state=state,
        reason=reason,
        following=url_for(".not_reached", id=id, state=state, reason=reason, cursor=rows[RECIPIENTS_PAGE - 1]["key"]) if more else None,
    )


@blueprint.get("/<uuid:id>/recipients.csv")
@access.staff("ops")
def recipients(id: uuid.UUID) -> Response:
    """The proof: who was told what, when, where, and the relay's answer."""
    life.find(db.session(), id)
    headers = {"Content-Disposition": f'attachment; filename="recipients-{id}.csv"'}
    return Response(stream_with_context(proof.as_csv(db.session(), id)), mimetype="text/csv", headers=headers)


# --- a draft that is not wanted ---------------------------------------------------------------------------------------


@blueprint.get("/<uuid:id>/drop")
@access.staff("ops")
def ask_to_drop(id: uuid.UUID) -> ResponseReturnValue:
    announcement = life.find(db.session(), id)
    if announcement.status != "draft":
        return redirect(f"/staff/announcements/{id}", 303)
    return render_template("staff/drop.html", announcement=announcement, text=text_of(announcement.content))


@blueprint.post("/<uuid:id>/drop")
@access.staff("ops")
def drop(id: uuid.UUID) -> ResponseReturnValue:
    try:
        with transaction() as session:
            life.drop(session, id)
    except Conflict as error:
        pages.say(pages.translated(error.message), "info")
        return redirect(f"/staff/announcements/{id}", 303)
    pages.say(pages.words().gettext("The draft is dropped."), "trash-2")
    return redirect("/staff/announcements?view=drafts", 303)
