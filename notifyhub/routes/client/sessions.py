"""A customer's own sessions: where they are signed in, and how to end that."""

from __future__ import annotations

import uuid

from flask import Blueprint, g, redirect, render_template
from flask.typing import ResponseReturnValue

from notifyhub import access
from notifyhub.database import db, transaction, utcnow
from notifyhub.routes import browsers, pages
from notifyhub.signins import sessions

blueprint = Blueprint("account_sessions", __name__, url_prefix="/settings/sessions")


@blueprint.get("")
@access.customer
def page() -> str:
    return render_template("client/sessions.html", sessions=sessions.of(db.session(), g.account, utcnow()), hows=browsers.HOWS)


@blueprint.post("/<uuid:id>/end")
@access.customer
def end(id: uuid.UUID) -> ResponseReturnValue:
    if id == g.sign_in.id:
        return browsers.sign_out("customer")
    with transaction() as session:
        sessions.end(session, g.account, id, utcnow())
    pages.say(pages.words().gettext("That session has ended."))
    return redirect("/settings/sessions", 303)


@blueprint.post("/end-others")
@access.customer
def end_others() -> ResponseReturnValue:
    with transaction() as session:
        sessions.end_others(session, g.account, g.sign_in.id, utcnow())
    pages.say(pages.words().gettext("All other sessions have ended."))
    return redirect("/settings/sessions", 303)
