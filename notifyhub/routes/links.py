"""Pages behind links in mails. Their address carries the proof. No GET changes anything: mail scanners follow links."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, abort, render_template, request

from notifyhub import access, audit, confirmations, letters, preferences, signing
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Refused
from notifyhub.models import Account
from notifyhub.routes.pages import settings

blueprint = Blueprint("links", __name__)


@blueprint.after_request
def _headers(response: Response) -> Response:
    """The address holds a secret: it goes to no other site and into no cache."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@blueprint.errorhandler(Refused)
def _refused(error: Refused) -> tuple[str, int]:
    status = 410 if isinstance(error, confirmations.Spent | confirmations.Expired) else 404
    return _page("links/refused.html", message=error.message), status


def _page(template: str, **values: object) -> str:
    return render_template(template, **values)


@blueprint.get("/confirm/<token>")
@access.public
def confirmation(token: str) -> str:
    id = uuid.UUID(signing.read(settings(), "confirm", token))
    _, mailbox = confirmations.look_up(db.session(), id, utcnow())
    return _page("links/confirm.html", email=mailbox.email)


@blueprint.post("/confirm/<token>")
@access.public
def confirm(token: str) -> str:
    id = uuid.UUID(signing.read(settings(), "confirm", token))
    audit.author.set(audit.Author("confirmation link", request.remote_addr))
    act, template = ANSWERS.get(request.form.get("answer", ""), (None, ""))
    if act is None:
        abort(400, "The form must say answer=confirm or answer=not-me.")
    with transaction() as session:
        email = act(session, id, utcnow()).email
    return _page(template, email=email)


ANSWERS = {"confirm": (confirmations.confirm, "links/confirmed.html"), "not-me": (confirmations.block, "links/blocked.html")}


@blueprint.get("/unsubscribe/<token>")
@access.public
def unsubscription(token: str) -> str:
    _, kind = letters.unsubscription(settings(), token)
    return _page("links/unsubscribe.html", kind=kind)


@blueprint.post("/unsubscribe/<token>")
@access.public
def unsubscribe(token: str) -> str:
    """One click, by a mail program too (RFC 8058): no sign-in, no redirect."""
    account_id, kind = letters.unsubscription(settings(), token)
    audit.author.set(audit.Author("unsubscribe link", request.remote_addr))
    with transaction() as session:
        account = session.get(Account, account_id)
        if account is not None and account.erased_at is None:
            preferences.mute(session, account, [*account.muted, kind])
    return _page("links/unsubscribed.html", kind=kind)
