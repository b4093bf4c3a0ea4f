"""The console of agents: conversations that wait and that run, live; one of them with all there is to know about its visitor."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from notifyhub import access
from notifyhub.chat import conversation, handing, listing, presence, telling
from notifyhub.chat.states import BODY_CHARACTERS, OVER
from notifyhub.database import db, new_id, transaction, utcnow
from notifyhub.errors import Conflict, FieldError, Invalid, Refused, TooMany
from notifyhub.languages import N_
from notifyhub.models import Account, Chat, Staff, Ticket
from notifyhub.routes import pages
from notifyhub.routes.staff import following
from notifyhub.routes.staff.tickets import beside
from notifyhub.stopping import stopping
from notifyhub.tickets.clock import Clock
from notifyhub.tickets.states import DEPARTMENTS, PRIORITIES, WARNED_AFTER

blueprint = Blueprint("staff_chat", __name__, url_prefix="/staff/chat")

AGENTS = ("agent",)


def init_app(app: Flask) -> None:
    app.jinja_env.globals["waiting_chats"] = waiting_chats


def waiting_chats() -> int | None:
    """For the navigation; None: the reader has nothing to do with the chat."""
    return listing.waiting(db.session()) if {"admin", *AGENTS} & set(g.staff.roles) else None


# --- the console ------------------------------------------------------------------------------------------------------


@blueprint.get("")
@access.staff(*AGENTS)
def index() -> ResponseReturnValue:
    """A script on the page asks for what changes of it alone."""
    return pages.part_or_page("staff/_chats.html", "staff/chat.html", **_shown(None))


@blueprint.get("/<uuid:id>")
@access.staff(*AGENTS)
def show(id: uuid.UUID) -> ResponseReturnValue:
    return pages.part_or_page("staff/_chats.html", "staff/chat.html", **_shown(conversation.get(db.session(), id)))


def _shown(chat: Chat | None, body: str = "", errors: dict[str, list[str]] | None = None) -> dict[str, Any]:
    session, now = db.session(), utcnow()
    lines, patience = listing.console(session), pages.settings().chat_patience
    waiting = [line.chat for line in lines.waiting] + ([chat] if chat and chat.waiting_since else [])
    clocks = {one.id: _clock(one, patience, now) for one in waiting}
    common = {
        "lines": lines, "clocks": clocks, "now": now, "there": presence.there(session, now),
        "chat": chat, "body": body, "errors": errors or {}, "over": OVER, "most": BODY_CHARACTERS,
    }  # fmt: skip
    return common | _of(session, chat, now) if chat else common


def _of(session: Session, chat: Chat, now: datetime) -> dict[str, Any]:
    account = session.get(Account, chat.account_id) if chat.account_id else None
    ticket = session.get(Ticket, chat.ticket_id) if chat.ticket_id else None
    said = conversation.messages(session, chat.id)
    return {
        "account": account, "beside": beside(account, now) if account and account.external_id else None, "ticket": ticket, "said": said,
        "staff": {id: session.get_one(Staff, id).name for id in {message.staff_id for message in said} | {chat.staff_id} if id},
        "can_be_answered": handing.can_be_answered(chat), "departments": DEPARTMENTS, "priorities": PRIORITIES,
    }  # fmt: skip


def _clock(chat: Chat, patience: timedelta, now: datetime) -> Clock:
    """How much is left of the time that visitors are asked to wait."""
    until = (chat.waiting_since or now) + patience
    warned_at = until - patience * (1 - WARNED_AFTER)
    return Clock("breached" if now >= until else "warned" if now >= warned_at else "running", until, warned_at, until - now, None, patience)


# --- what agents do ---------------------------------------------------------------------------------------------------


@blueprint.post("/<uuid:id>/messages")
@access.staff(*AGENTS)
def answer(id: uuid.UUID) -> ResponseReturnValue:
    """A script is answered with what has changed, or with what is wrong."""
    body, is_script = request.form.get("body", ""), "HX-Request" in request.headers
    try:
        with transaction() as session:
            conversation.answer(session, id, g.staff, _client_id(), body, utcnow())
    except (Invalid, Conflict) as error:
        status = 422 if isinstance(error, Invalid) else 409
        if is_script:
            wrong = error.errors[0].message if error.errors else error.message
            return Response(pages.translated(wrong), status, mimetype="text/plain")
        return _page(id, error, body), status
    return show(id) if is_script else redirect(url_for(".show", id=id, _anchor="answer"), 303)


def _client_id() -> uuid.UUID:
    """Hidden in the form, so that the same form sent twice says it once."""
    try:
        return uuid.UUID(request.form.get("id", ""))
    except ValueError:
        return new_id()  # no browser with our form


def _page(id: uuid.UUID, error: Refused, body: str = "") -> str:
    errors = pages.by_field(error) if isinstance(error, Invalid) else {"": [error.message]}
    return render_template("staff/chat.html", **_shown(conversation.get(db.session(), id), body, errors))


@blueprint.post("/<uuid:id>/ticket")
@access.staff(*AGENTS)
def make_ticket(id: uuid.UUID) -> ResponseReturnValue:
    department, priority = request.form.get("department", ""), request.form.get("priority", "")
    try:
        with transaction() as session:
            minutes = pages.settings().ticket_promise_minutes
            ticket = handing.hand_over(session, id, g.staff, department, priority, minutes, utcnow())
    except Invalid as error:
        return _page(id, Invalid(*(FieldError(f"ticket.{field}", message) for field, message in error.errors))), 422
    except Conflict as error:
        return _page(id, error), 409
    except TooMany as error:
        return _page(id, error), 429
    pages.say(pages.words().gettext(MADE) % {"number": ticket.number}, "life-buoy")
    return redirect(url_for(".show", id=id), 303)


MADE = N_("This conversation is now ticket #%(number)s, and its visitor was told so.")


@blueprint.post("/<uuid:id>/end")
@access.staff(*AGENTS)
def end(id: uuid.UUID) -> ResponseReturnValue:
    with transaction() as session:
        conversation.end(session, conversation.lock(session, conversation.get(session, id)), "staff", utcnow())
    return redirect(url_for(".show", id=id), 303)


# --- live -------------------------------------------------------------------------------------------------------------


@blueprint.get("/stream")
@access.staff(*AGENTS)
def stream() -> Response:
    """While it is open, its agent is there."""
    staff_id, console = g.staff.id, new_id()
    return following.answer(CHATS, lambda events: _present(events, console, staff_id))


def _present(events: Iterator[str], console: uuid.UUID, staff_id: int) -> Iterator[str]:
    said = float("-inf")
    try:
        for event in events:
            if time.monotonic() - said > presence.SAID_EVERY.total_seconds():
                said = time.monotonic()
                with transaction() as session:
                    presence.say(session, console, staff_id, utcnow())
                db.session.remove()
            yield event
    finally:
        if not stopping():  # a server that is started again finds them there
            with transaction() as session:
                presence.leave(session, console)
            db.session.remove()


def _look(session: Session, member: Staff, since: datetime, now: datetime) -> following.Seen | None:
    if not {"admin", *AGENTS} & set(member.roles):
        return None
    return following.Seen(listing.changed_since(session, since), listing.waiting(session))


CHATS = following.Followed(telling.QUEUE, "chats", 0.05, _look, lambda ids, all, count: {"ids": ids, "all": all, "waiting": count})
