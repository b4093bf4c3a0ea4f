"""The first page, until there are others."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template

from notifyhub import access

blueprint = Blueprint("start", __name__)


@blueprint.get("/inbox")
@blueprint.get("/settings/send-email")
@access.public
def client_area() -> str:
    """Where the links of mails lead."""
    return render_template("client_area.html")


@blueprint.get("/")
@access.public
def index() -> str:
    return render_template("start.html", mailbox=current_app.extensions["settings"].embedded_mailbox)
