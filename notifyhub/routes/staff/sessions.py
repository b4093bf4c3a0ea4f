"""The own sessions of a member of staff: where they are signed in, and how to end that."""

from __future__ import annotations

import uuid

from flask import Blueprint, g, redirect, render_template
from flask.typing import ResponseReturnValue

from notifyhub import access
from notifyhub.database import db, transaction, utcnow
from notifyhub.routes import browsers, pages
from notifyhub.signins import sessions

blueprint = Blueprint("staff_sessions", __name__, url_prefix="/staff/sessions")


@blueprint.get("")
@access.staff()
def page() -> str:
    return render_template("staff/sessions.html", sessions=sessions.of(db.session(), g.staff, utcnow()), hows=browsers.HOWS)


@blueprint.post("/<uuid:id>/end")
@access.staff()
def end(id: uuid.UUID) -> ResponseReturnValue:
    if id == g.sign_in.id:
        return browsers.sign_out("staff")
    with transaction() as session:
        sessions.end(session, g.staff, id, utcnow())
    pages.say(pages.words().gettext("That session has ended."))
    return redirect("/staff/sessions", 303)


@blueprint.post("/end-others")
@access.staff()
def end_others() -> ResponseReturnValue:
    with transaction() as session:
        sessions.end_others(session, g.staff, g.sign_in.id, utcnow())
    pages.say(pages.words().gettext("All other sessions have ended."))
    return redirect("/staff/sessions", 303)
