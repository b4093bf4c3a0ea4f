"""The state of the services: for everyone what is public, for a customer besides that what concerns it."""

from __future__ import annotations

from flask import Blueprint, current_app, g, render_template

from notifyhub import access
from notifyhub.announcements import status
from notifyhub.config import Settings
from notifyhub.database import db, utcnow
from notifyhub.routes import pages

blueprint = Blueprint("status", __name__, url_prefix="/status")


@blueprint.get("")
@access.public
def page() -> str:
    access.recognise_customer()
    settings: Settings = current_app.extensions["settings"]
    account = g.get("account")
    locale = account.locale if account else pages.language()
    now = utcnow()
    found = status.read(db.session(), account, locale, settings.default_locale, now)
    layout = "layouts/client.html" if account else "layouts/plain.html"
    return render_template("client/status.html", status=found, layout=layout, days=status.PAST.days, checked_at=now)
