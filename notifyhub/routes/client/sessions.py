"""A customer's own sessions: where they are signed in, and how to end that."""

from __future__ import annotations

import uuid

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from notifyhub import access
from notifyhub.database import db, utcnow
from notifyhub.routes import browsers
from notifyhub.signins import sessions

blueprint = Blueprint("account_sessions", __name__, url_prefix="/settings/sessions")


@blueprint.get("")
@access.customer
def page() -> str:
    return render_template("client/sessions.html", sessions=sessions.of(db.session(), g.account, utcnow()), hows=browsers.HOWS)


@blueprint.post("/<uuid:id>/end")
@access.customer
def end(id: uuid.UUID) -> ResponseReturnValue:
    return browsers.end_session(g.account, id, "/settings/sessions")


@blueprint.post("/end-others")
@access.customer
def end_others() -> ResponseReturnValue:
    return browsers.end_other_sessions(g.account, "/settings/sessions")
