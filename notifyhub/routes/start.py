"""The front door: where to, depending on who is signed in."""

from __future__ import annotations

from flask import Blueprint, Response, redirect

from notifyhub import access

blueprint = Blueprint("start", __name__)


@blueprint.get("/")
@access.public
def index() -> Response:
    return redirect("/inbox", 303)  # type: ignore[return-value]
