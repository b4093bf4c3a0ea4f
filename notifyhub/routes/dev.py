"""The catching mailbox, to be looked at: only beside the embedded parts, and only from this machine."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request

from notifyhub import access, catching
from notifyhub.routes import loopback, mail_frame
from notifyhub.routes.pages import HEADERS

blueprint = Blueprint("dev", __name__, url_prefix="/dev")
blueprint.before_request(loopback.only)

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
VIEWS = ("html", "text", "source")
PAGE = 50


@blueprint.after_request
def strict(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/components")
@access.public
def components() -> Response:
    response = make_response(render_template("dev/components.html"))
    response.headers["Content-Security-Policy"] = HEADERS["Content-Security-Policy"]
    return response


@blueprint.get("/mail")
@access.public
def mails() -> str:
    words = request.args.get("q", "")
    found, following = catching.newest(_folder(), PAGE, request.args.get("cursor"), words)
    return render_template("dev/mails.html", mails=found, following=following, words=words, searched=catching.SEARCHED)


@blueprint.get("/mail/<message_id>")
@access.public
def mail(message_id: str) -> str:
    caught = _read(message_id)
    views = [name for name in VIEWS if getattr(caught, name) is not None]
    chosen = request.args.get("view", views[0])
    if chosen not in views:
        abort(404)
    return render_template("dev/mail.html", mail=caught, views=views, chosen=chosen, sandbox=mail_frame.SANDBOX)


@blueprint.get("/mail/<message_id>/html")
@access.public
def html(message_id: str) -> Response:
    caught = _read(message_id)
    if caught.html is None:
        abort(404)
    return mail_frame.response(caught.html)


@blueprint.get("/mail/<message_id>/attachments/<int:number>")
@access.public
def attachment(message_id: str, number: int) -> Response:
    """Always as a download, whatever it claims to be."""
    attachments = _read(message_id).attachments
    if number >= len(attachments):
        abort(404)
    response = make_response(attachments[number].content)
    response.headers["Content-Type"] = "application/octet-stream"
    response.headers.set("Content-Disposition", "attachment", filename=attachments[number].name)
    return response


def _folder() -> Path:
    folder: Path = current_app.extensions["settings"].mailbox_dir
    return folder


def _read(message_id: str) -> catching.Caught:
    return catching.read(_folder(), message_id) or abort(404)
