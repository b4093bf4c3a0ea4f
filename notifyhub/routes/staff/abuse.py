"""Reports of abuse: what came in, whom it went to, and what is nobody's."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, abort, render_template, request

from notifyhub import access, history
from notifyhub.abuse import listing
from notifyhub.database import db
from notifyhub.routes import downloads
from notifyhub.routes.staff import paging
from notifyhub.routes.staff.deliveries import listed
from notifyhub.routes.staff.paging import PAGE

blueprint = Blueprint("staff_abuse", __name__, url_prefix="/staff/abuse")


@blueprint.get("")
@access.staff("abuse", "ops")
def page() -> str:
    view = request.args.get("view", "all")
    if view not in listing.VIEWS:
        abort(404)
    rows, last = paging.cut(listing.page(db.session(), view, paging.before_time(), PAGE + 1), PAGE)
    cursor = paging.time_cursor({"at": last.report.received_at, "id": last.report.id}, "at") if last else None
    return render_template("staff/abuse.html", rows=rows, view=view, older=paging.next_url("staff_abuse.page", cursor))


@blueprint.get("/<uuid:id>")
@access.staff("abuse", "ops")
def show(id: uuid.UUID) -> str:
    session = db.session()
    row = listing.find(session, id)
    told = listed(history.of_notification(session, row.report.notification_id)) if row.report.notification_id else ()
    return render_template("staff/abuse_report.html", row=row, told=told)


@blueprint.get("/<uuid:id>/source")
@access.staff("abuse", "ops")
def source(id: uuid.UUID) -> Response:
    """As it came, to be saved and looked at as text, whatever it is."""
    format, raw = listing.source(db.session(), id)
    response = Response(raw, mimetype="text/plain", headers=downloads.HEADERS)
    response.headers["Content-Disposition"] = f'attachment; filename="abuse-report-{id}.{format}.txt"'
    return response
