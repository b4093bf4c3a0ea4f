"""How customers sign in: by a mailed link, or handed over by the provider's client area. No GET but the hand-over changes anything."""

from __future__ import annotations

import time
import uuid

from flask import Blueprint, Response, redirect, render_template, request
from flask import session as form_session
from flask.typing import ResponseReturnValue

from notifyhub import access, neighbours, signing
from notifyhub.database import db, read_only, transaction, utcnow
from notifyhub.emails import parse_email
from notifyhub.errors import Invalid, NotFound, Refused
from notifyhub.languages import N_
from notifyhub.routes import browsers, loopback, pages
from notifyhub.signins import demo, links, sso

blueprint = Blueprint("sign_in", __name__)
demo_blueprint = Blueprint("demo_sign_in", __name__)
demo_blueprint.before_request(loopback.only)

LINK_ANSWERED_AFTER = 0.25  # seconds: whether there is an account is not to be told by the time it takes


@blueprint.after_request
def _headers(response: Response) -> Response:
    """The address may hold a secret: it goes to no other site and into no cache. (To ourselves it may: CSRF checks read it.)"""
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


# --- asking for a link


@blueprint.get("/sign-in")
@access.public
def page() -> str:
    return _page()


def _page(email: str = "", errors: dict[str, list[str]] | None = None) -> str:
    offered = demo.accounts(db.session()) if pages.settings().demo and neighbours.is_here() else []
    return render_template(
        "sign_in/page.html", email=email, errors=errors or {}, return_to=pages.local_path(request.values.get("return_to"), ""), demo=offered
    )


@blueprint.post("/sign-in")
@access.public
def ask_for_link() -> ResponseReturnValue:
    started, typed = time.monotonic(), request.form.get("email", "").strip()
    try:
        email = parse_email(typed)
    except ValueError as error:
        return _page(typed, {"email": [str(error)]}), 422
    with transaction() as session:
        links.request(session, email, request.remote_addr, utcnow())
    form_session["return_to"] = pages.local_path(request.form.get("return_to"), "")
    time.sleep(max(0.0, LINK_ANSWERED_AFTER - (time.monotonic() - started)))
    return redirect("/sign-in/sent", 303)


@blueprint.get("/sign-in/sent")
@access.public
def link_sent() -> str:
    return render_template("sign_in/sent.html", minutes=links.VALID_FOR.seconds // 60, most=3)


# --- following it


@blueprint.get("/sign-in/<token>")
@access.public
def look_at_link(token: str) -> str:
    return _link_page(token)


def _link_page(token: str, errors: dict[str, list[str]] | None = None) -> str:
    accounts = links.look_up(db.session(), _read(token), utcnow())
    return render_template("sign_in/link.html", accounts=accounts, errors=errors or {})


@blueprint.post("/sign-in/<token>")
@access.public
def follow_link(token: str) -> ResponseReturnValue:
    now = utcnow()
    try:
        with transaction() as session:
            account = links.spend(session, _read(token), request.form.get("account"), now)
            return browsers.sign_in(account, "link", form_session.pop("return_to", None), now)
    except Invalid as error:
        return _link_page(token, pages.by_field(error)), 422


def _read(token: str) -> uuid.UUID:
    return uuid.UUID(signing.read(pages.settings(), "sign-in", token))


# --- handed over by the client area


@blueprint.get("/sso")
@access.public
def hand_over() -> ResponseReturnValue:
    """The one GET that changes something: it signs in the browser that brings a token, which is spent by that."""
    read_only.set(False)
    key, return_to, now = pages.settings().sso_key, request.args.get("return_to"), utcnow()
    if key is None:
        raise NotFound(N_("Handing over sign-ins is not set up here."))
    if return_to is not None and not pages.local_path(return_to, ""):
        return _refusal(400, N_("The page to go on to (return_to) must be a path on this site, such as /inbox."))
    claims = sso.read(request.args.get("token", ""), key, pages.settings().base_url, now)
    with transaction() as session:
        account = sso.accept(session, claims, now)
        return browsers.sign_in(account, "sso", return_to, now)


# --- leaving


@blueprint.post("/sign-out")
@access.public
def sign_out() -> Response:
    return browsers.sign_out("customer")


# --- what is refused


@blueprint.errorhandler(Refused)
def _refused(error: Refused) -> ResponseReturnValue:
    kinds = {links.Spent: 410, links.Expired: 410, sso.Spent: 410, sso.Expired: 410, sso.NotOurs: 401, NotFound: 404}
    status = next((number for kind, number in kinds.items() if isinstance(error, kind)), None)
    if status is None:
        raise error
    return _refusal(status, error.message)


def _refusal(status: int, message: str) -> ResponseReturnValue:
    return render_template("sign_in/refused.html", message=message, handed_over=request.path == "/sso"), status


# --- the demo


@demo_blueprint.post("/sign-in/demo")
@access.public
def demo_sign_in() -> Response:
    with transaction() as session:
        account = demo.account(session, request.form.get("account", ""))
        return browsers.sign_in(account, "demo", request.form.get("return_to"))
