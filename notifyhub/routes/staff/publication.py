"""The last look before an announcement goes out, and the one button that sends it."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from notifyhub import access, labels
from notifyhub.announcements import audience, life, preview
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.errors import Conflict, Invalid
from notifyhub.kinds import KINDS
from notifyhub.models import Announcement
from notifyhub.routes import pages
from notifyhub.routes.staff.announcements import text_of
from notifyhub.routes.staff.composer import QUICK

blueprint = Blueprint("publication", __name__, url_prefix="/staff/announcements")


@blueprint.get("/<uuid:id>/publish")
@access.staff("ops")
def ask(id: uuid.UUID) -> ResponseReturnValue:
    """With ?whole=1 everything is counted before the page comes; without, it comes at once where the audience is large."""
    announcement = life.find(db.session(), id)
    if announcement.status != "draft":
        return _published_already(id)
    return _page(announcement)


def _page(announcement: Announcement, stale: life.Stale | None = None, refused: str | None = None) -> str:
    session, now = db.session(), utcnow()
    kind, wanted = announcement.kind, announcement.audience
    counted = preview.recent_count(session, kind, wanted, now)
    accounts = counted.accounts if counted else audience.count(session, audience.Audience.of(session, wanted))
    if counted is None and (accounts <= QUICK or request.args.get("whole") == "1"):
        counted = preview.kept_count(session, kind, wanted, now)
    return render_template(
        "staff/publish.html",
        announcement=announcement,
        text=text_of(announcement.content),
        accounts=accounts,
        counted=counted,
        fallbacks=preview.fallbacks(counted, announcement.content, pages.settings().default_locale) if counted else None,
        lane=labels.LANES[KINDS[kind].lane.name],
        stale=stale,
        refused=refused if refused or accounts else life.why_nobody(wanted),
    )


@blueprint.get("/<uuid:id>/publish/count")
@access.staff("ops")
def count(id: uuid.UUID) -> str:
    """What a large audience comes to, for the page that waits for it."""
    with reading() as session:
        announcement = life.find(session, id)
        counted = preview.kept_count(session, announcement.kind, announcement.audience, utcnow())
        found = preview.fallbacks(counted, announcement.content, pages.settings().default_locale)
        return render_template("staff/_count.html", counted=counted, fallbacks=found, announcement=announcement)


@blueprint.post("/<uuid:id>/publish")
@access.staff("ops")
def publish(id: uuid.UUID) -> ResponseReturnValue:
    try:
        with transaction() as session:
            life.publish(session, id, utcnow(), _seen())
    except life.Stale as error:
        return _page(life.find(db.session(), id), stale=error), 409
    except Conflict:
        return _published_already(id)
    except Invalid as error:
        return _page(life.find(db.session(), id), refused=error.errors[0].message), 422
    pages.say(pages.words().gettext("Published. The mails are on their way."), "send")
    return redirect(f"/staff/announcements/{id}", 303)


def _published_already(id: uuid.UUID) -> ResponseReturnValue:
    pages.say(pages.words().gettext("This announcement was published already. Nothing is sent twice."), "info")
    return redirect(f"/staff/announcements/{id}", 303)


def _seen() -> datetime | None:
    try:
        seen = datetime.fromisoformat(request.form.get("seen", ""))
    except ValueError:
        return None
    return seen if seen.tzinfo else None
