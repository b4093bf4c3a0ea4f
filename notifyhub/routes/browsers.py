"""A browser's session, as HTTP knows it: its cookie, and what is answered where there is none."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, g, make_response, redirect, request
from flask.typing import ResponseReturnValue

from notifyhub import access, signing
from notifyhub.database import transaction, utcnow
from notifyhub.errors import NotFound
from notifyhub.languages import N_
from notifyhub.models import Account, Staff
from notifyhub.routes import pages
from notifyhub.signins import passwords, sessions

HOMES = {"customer": "/inbox", "staff": "/staff/"}
SIGN_IN_PAGES = {"customer": "/sign-in", "staff": "/staff/sign-in"}
KNOWN_COOKIE = "nh_known"
HOWS = {"sso": N_("handed over by the client area"), "link": N_("by a mailed link"), "password": N_("by password"), "demo": N_("demo")}


def init_app(app: Flask) -> None:
    app.register_error_handler(access.SignedOut, ask_to_sign_in)
    app.jinja_env.filters["browser_name"] = name


# --- signing in and out


def sign_in(who: Account | Staff, how: sessions.How, return_to: str | None, now: datetime | None = None) -> Response:
    """Ends the session that this browser had, starts one, and goes on. In the caller's transaction where it has one."""
    kind, now = _kind(who), now or utcnow()
    with transaction() as session:
        if before := request.cookies.get(_cookie(kind)):
            sessions.leave(session, before, now)
        token = sessions.start(session, who, how, sessions.Browser(request.remote_addr, request.user_agent.string), now)
    pages.forget_form_token()
    response = make_response(redirect(pages.local_path(return_to, HOMES[kind]), 303))
    _set_cookie(response, _cookie(kind), token, int((sessions.CUSTOMERS if kind == "customer" else sessions.STAFF).whole.total_seconds()))
    response.headers["Cache-Control"] = "no-store"
    return response


def sign_out(kind: str) -> Response:
    """Whatever the cookie says: who wants to leave, leaves."""
    token = request.cookies.get(_cookie(kind))
    if token:
        with transaction() as session:
            sessions.leave(session, token, utcnow())
    pages.forget_form_token()
    response = make_response(redirect(SIGN_IN_PAGES[kind], 303))
    forget(response, kind)
    response.headers["Cache-Control"] = "no-store"
    return response


def _kind(who: Account | Staff) -> str:
    return "customer" if isinstance(who, Account) else "staff"


def forget(response: Response, kind: str) -> None:
    response.delete_cookie(_cookie(kind), secure=_is_secure(), httponly=True, samesite="Lax")


def _set_cookie(response: Response, name: str, value: str, max_age: int) -> None:
    response.set_cookie(name, value, max_age=max_age, secure=_is_secure(), httponly=True, samesite="Lax")


def _cookie(kind: str) -> str:
    return access.CUSTOMER_COOKIE if kind == "customer" else access.STAFF_COOKIE


def _is_secure() -> bool:
    base_url: str = current_app.extensions["settings"].base_url
    return base_url.startswith("https://")


# --- one's own sessions


def end_session(who: Account | Staff, id: uuid.UUID, page: str) -> ResponseReturnValue:
    """And back to the page that lists them; with this one, out. Raises NotFound."""
    if id == g.sign_in.id:
        return sign_out(_kind(who))
    with transaction() as session:
        sessions.end(session, who, id, utcnow())
    pages.say(pages.words().gettext("That session has ended."))
    return redirect(page, 303)


def end_other_sessions(who: Account | Staff, page: str) -> ResponseReturnValue:
    with transaction() as session:
        sessions.end_others(session, who, g.sign_in.id, utcnow())
    pages.say(pages.words().gettext("All other sessions have ended."))
    return redirect(page, 303)


# --- browsers that staff signed in with before


def remember(response: Response, member: Staff) -> None:
    value = signing.sign(current_app.extensions["settings"], "known-browser", list(passwords.remembered(member)))
    _set_cookie(response, KNOWN_COOKIE, value, int(sessions.KEPT.total_seconds()))


def remembered() -> passwords.KnownBrowser | None:
    try:
        return passwords.KnownBrowser(*signing.read(current_app.extensions["settings"], "known-browser", request.cookies[KNOWN_COOKIE]))
    except (KeyError, NotFound, TypeError):
        return None


# --- where nobody is signed in


def ask_to_sign_in(error: access.SignedOut) -> ResponseReturnValue:
    """A page is come back to; htmx leaves for the sign-in page; what someone has typed is shown, so that it is not lost."""
    page = SIGN_IN_PAGES[error.who]
    if "HX-Request" in request.headers:
        there = urlsplit(request.headers.get("HX-Current-URL", ""))
        answer = Response("", 401)
        answer.headers["HX-Redirect"] = _with_return(page, f"{there.path}?{there.query}" if there.query else there.path)
    elif request.method not in ("GET", "HEAD"):
        answer = make_response(pages.refused_form(401, page))
    elif _is_navigation():
        answer = make_response(redirect(_with_return(page, request.full_path.rstrip("?")), 303))
    else:
        body = {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": error.message}
        answer = Response(json.dumps(body), 401, mimetype="application/problem+json")
    answer.headers["Cache-Control"] = "no-store"
    if request.cookies.get(_cookie(error.who)):
        forget(answer, error.who)
    return answer


def _is_navigation() -> bool:
    """A script that fetches, or listens to events, could do nothing with a page."""
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate" and request.accept_mimetypes.accept_html


def _with_return(page: str, path: str) -> str:
    return f"{page}?return_to={quote(path, safe='')}" if pages.local_path(path, "") else page


# --- what a browser is called


def name(user_agent: str) -> str:
    """Enough to recognise one's own by: "Firefox, Windows". Each claims to be those before it, so the order matters."""
    program = next((name for mark, name in PROGRAMS if mark in user_agent), user_agent[:40] or "?")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), None)
    return f"{program}, {system}" if system else program


PROGRAMS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"), ("CriOS/", "Chrome"), ("Safari/", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
