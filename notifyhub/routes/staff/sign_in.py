"""How staff sign in: by e-mail address and password."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from notifyhub import access, neighbours
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import TooMany
from notifyhub.routes import browsers, loopback, pages
from notifyhub.signins import demo, passwords

blueprint = Blueprint("staff_sign_in", __name__, url_prefix="/staff")
demo_blueprint = Blueprint("demo_staff_sign_in", __name__, url_prefix="/staff")
demo_blueprint.before_request(loopback.only)

FIRST_PAGES = {
    "ops": "/staff/announcements",
    "admin": "/staff/announcements",
    "agent": "/staff/tickets",
    "billing": "/staff/tickets",
}


@blueprint.get("/")
@access.staff()
def first_page() -> ResponseReturnValue:
    """Where whoever signs in has work."""
    return redirect(next((page for role, page in FIRST_PAGES.items() if role in g.staff.roles), "/staff/sessions"), 302)


@blueprint.get("/sign-in")
@access.public
def page() -> str:
    return _page()


def _page(email: str = "", message: str | None = None) -> str:
    offered = demo.members(db.session()) if current_app.extensions["settings"].demo and neighbours.is_here() else []
    return render_template(
        "staff/sign_in.html", email=email, message=message, return_to=pages.local_path(request.values.get("return_to"), ""), demo=offered
    )


@blueprint.post("/sign-in")
@access.public
def sign_in() -> ResponseReturnValue:
    email, password, now = request.form.get("email", "").strip(), request.form.get("password", ""), utcnow()
    try:
        member = passwords.check(email, password, request.remote_addr, browsers.remembered(), now)
    except passwords.WrongPassword as error:
        return _page(email, error.message), 422
    except TooMany as error:
        return _page(email, error.message), 429, {"Retry-After": str(error.retry_after)}
    response = browsers.sign_in(member, "password", request.form.get("return_to"), now)
    browsers.remember(response, member)
    return response


@blueprint.post("/sign-out")
@access.public
def sign_out() -> Response:
    return browsers.sign_out("staff")


@demo_blueprint.post("/sign-in/demo")
@access.public
def demo_sign_in() -> Response:
    with transaction() as session:
        member = demo.member(session, request.form.get("email", ""))
        return browsers.sign_in(member, "demo", request.form.get("return_to"))
