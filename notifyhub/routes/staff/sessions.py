"""The own sessions of a member of staff: where they are signed in, and how to end that."""

from __future__ import annotations

import uuid

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from notifyhub import access
from notifyhub.database import db, utcnow
from notifyhub.routes import browsers
from notifyhub.signins import sessions

blueprint = Blueprint("staff_sessions", __name__, url_prefix="/staff/sessions")


@blueprint.get("")
@access.staff()
def page() -> str:
    return render_template("staff/sessions.html", sessions=sessions.of(db.session(), g.staff, utcnow()), hows=browsers.HOWS)


@blueprint.post("/<uuid:id>/end")
@access.staff()
def end(id: uuid.UUID) -> ResponseReturnValue:
    return browsers.end_session(g.staff, id, "/staff/sessions")


@blueprint.post("/end-others")
@access.staff()
def end_others() -> ResponseReturnValue:
    return browsers.end_other_sessions(g.staff, "/staff/sessions")
