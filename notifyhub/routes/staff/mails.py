"""Mail that came in: what it was taken for, what followed, and the whole of it as it came."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from notifyhub import access, labels, languages
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import FieldError, Invalid
from notifyhub.intake import listing, originals, receiving
from notifyhub.routes import pages
from notifyhub.routes.api.base import write_cursor
from notifyhub.routes.staff import paging
from notifyhub.routes.staff.paging import PAGE

READERS = ("ops", "agent", "abuse")  # of the whole mail
blueprint = Blueprint("staff_mails", __name__, url_prefix="/staff/mails")


@blueprint.get("")
@access.staff()
def page() -> ResponseReturnValue:
    outcome = request.args.get("outcome", "").strip()
    try:
        if outcome and outcome not in labels.OUTCOMES:
            raise Invalid(FieldError("outcome", languages.said("is nothing that mails are taken for")))
        found = listing.page(db.session(), outcome or None, paging.before_time(), PAGE + 1)
    except Invalid as error:
        return render_template("staff/mails.html", outcome="", errors=pages.by_field(error), lines=()), 422
    lines, last = paging.cut(found, PAGE)
    older = paging.next_url("staff_mails.page", write_cursor(last.mail.received_at, last.mail.id) if last else None)
    return render_template("staff/mails.html", outcome=outcome, errors={}, lines=lines, older=older, may_read=_may_read())


def _may_read() -> bool:
    return bool({"admin", *READERS} & set(g.staff.roles))


@blueprint.get("/<uuid:id>")
@access.staff(*READERS)
def show(id: uuid.UUID) -> str:
    return render_template("staff/mail.html", ticket=None, original=originals.of_mail(db.session(), id))


@blueprint.get("/<uuid:id>/raw")
@access.staff(*READERS)
def raw(id: uuid.UUID) -> Response:
    """Never as what it says that it is."""
    mail = receiving.find(db.session(), id)
    response = Response(mail.raw, mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{id}.eml.txt"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@blueprint.post("/<uuid:id>/again")
@access.staff(*READERS)
def run_again(id: uuid.UUID) -> ResponseReturnValue:
    with transaction() as session:
        receiving.run_again(session, id, utcnow())
    pages.say(pages.words().gettext("It is being worked on again."))
    return redirect("/staff/mails", 303)
