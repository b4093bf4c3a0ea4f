"""What staff can do about the relay: let mail go again that was held back."""

from __future__ import annotations

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from notifyhub import access, relay
from notifyhub.database import db, transaction
from notifyhub.models import RelayState
from notifyhub.routes import pages

blueprint = Blueprint("staff_relay", __name__, url_prefix="/staff/relay")


def held() -> RelayState | None:
    return relay.held(db.session())


@blueprint.post("/resume")
@access.staff("ops")
def resume() -> ResponseReturnValue:
    with transaction() as session:
        relay.resume(session)
    pages.say(pages.words().gettext("Mail goes out again."), "play")
    return redirect("/staff/mails", 303)
