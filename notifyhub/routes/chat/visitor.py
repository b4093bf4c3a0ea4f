"""What the widget calls. A visitor's browser makes up a token for its conversation and keeps it; here only its hash is known."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma
from flask import Blueprint, Response, jsonify, request
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from notifyhub import access, languages
from notifyhub.chat import conversation, handing, presence, showing, visitors
from notifyhub.chat.states import NAME_CHARACTERS
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import FieldError, Invalid, NotFound
from notifyhub.fields import Schema
from notifyhub.languages import N_
from notifyhub.models import Chat
from notifyhub.routes import pages
from notifyhub.routes.api.base import Parser
from notifyhub.routes.chat import origins
from notifyhub.signins import attempts, sso
from notifyhub.words import one_line

blueprint = Blueprint("chat_visitor", __name__, url_prefix="/chat")
blueprint.after_request(origins.allow)

BODY_BYTES = 64 * 1024
PAGE_CHARACTERS = 500
TOKEN = re.compile(r"[A-Za-z0-9_-]{43,128}")  # 256 bits, which nobody guesses


class Identity(Schema):
    token = fields.String(required=True, validate=validate.Length(max=4000))


class Message(Schema):
    id = fields.UUID(required=True)
    body = fields.String(required=True)
    visitor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=1000))
    name = fields.String(load_default="")
    language = fields.String(load_default="", validate=validate.Length(max=50))
    page = fields.String(load_default="")


class Address(Schema):
    email = fields.String(required=True)
    name = fields.String(load_default="")


def read(schema: type[ma.Schema]) -> dict[str, Any]:
    """Raises Unreadable, Invalid."""
    found: dict[str, Any] = Parser().parse(schema(), request, location="json")
    return found


def token() -> str:
    """Raises Unknown."""
    scheme, _, found = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not TOKEN.fullmatch(found):
        raise access.Unknown("This needs the token of a conversation: Authorization: Bearer, and at least 43 letters and digits.")
    return found


@blueprint.get("/state")
@access.public
def state() -> Response:
    """Before a conversation begins: whether somebody is there."""
    return _kept_nowhere({"there": presence.someone(db.session(), utcnow())})


@blueprint.post("/identity")
@access.public
@access.body_limit(BODY_BYTES)
def identify() -> Response:
    """Exchanges the token of the provider's web site, which is spent by that, for one that lasts for a visit."""
    key, now = pages.settings().sso_key, utcnow()
    if key is None:
        raise NotFound(N_("Handing over sign-ins is not set up here."))
    try:
        claims = sso.read(read(Identity)["token"], key, visitors.audience(pages.settings()), now)
    except sso.NotOurs as error:
        raise access.Unknown(error.message) from None
    with transaction() as session:
        account = sso.accept(session, claims, now)
        answer = {"visitor": visitors.vouch(pages.settings(), account, now), "account": account.external_id, "name": account.name}
    return _kept_nowhere(answer)


@blueprint.post("/messages")
@access.public
@access.body_limit(BODY_BYTES)
def ask() -> tuple[Response, int]:
    """Stored before it is answered. The first one begins the conversation; the same id again is answered the same."""
    given, settings, now = read(Message), pages.settings(), utcnow()
    key = token()
    with transaction() as session:
        visitor = _visitor(session, given, now)
        message = conversation.ask(session, key, visitor, given["id"], given["body"], settings.chat_patience, now)
        answer = showing.message(message, None)
    return _kept_nowhere(answer), 201


def _visitor(session: Session, given: dict[str, Any], now: datetime) -> visitors.Visitor:
    """Raises Invalid, Unknown."""
    settings = pages.settings()
    try:
        account = visitors.recognise(session, settings, given["visitor"], now) if given["visitor"] else None
    except visitors.NotKnown as error:
        raise access.Unknown(error.message) from None
    locale = languages.choose_locale(given["language"] or settings.default_locale, languages.translated(), languages.SOURCE)
    place = attempts.network(request.remote_addr)
    return visitors.Visitor(place, account.id if account else None, _name(given["name"]), locale, _page(given["page"]))


def _name(text: str) -> str:
    """Raises Invalid."""
    try:
        return one_line(text, NAME_CHARACTERS)
    except ValueError as error:
        raise Invalid(FieldError("name", str(error))) from None


def _page(text: str) -> str:
    """Without what follows a question mark, which may be a secret; whatever is no address of a web page is left out."""
    try:
        parts = urlsplit(text)
        page = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.scheme in ("http", "https") and "@" not in parts.netloc else ""
        return one_line(page, PAGE_CHARACTERS)
    except ValueError:
        return ""


@blueprint.get("/conversation")
@access.public
def show() -> Response:
    """?after=: only messages with a higher number."""
    session = db.session()
    chat = conversation.find(session, token())
    return _kept_nowhere(_shown(chat) | {"messages": showing.messages(session, chat.id, number(request.args.get("after")))})


def number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _shown(chat: Chat) -> dict[str, Any]:
    return showing.state(chat, presence.someone(db.session(), utcnow()))


@blueprint.post("/address")
@access.public
@access.body_limit(BODY_BYTES)
def leave_address() -> Response:
    given, place, now = read(Address), attempts.network(request.remote_addr), utcnow()
    key, name, minutes = token(), _name(given["name"]), pages.settings().ticket_promise_minutes
    with transaction() as session:
        return _kept_nowhere(_shown(handing.leave_address(session, key, given["email"], name, place, minutes, now)))


@blueprint.post("/end")
@access.public
@access.body_limit(BODY_BYTES)
def end() -> Response:
    key = token()
    with transaction() as session:
        chat = conversation.lock(session, conversation.find(session, key))
        conversation.end(session, chat, "visitor", utcnow())
        return _kept_nowhere(_shown(chat))


def _kept_nowhere(answer: dict[str, Any]) -> Response:
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store"
    return response
