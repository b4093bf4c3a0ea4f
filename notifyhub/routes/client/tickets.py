"""A customer's tickets: the list, a new one, and the conversation of one. No GET changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_timedelta
from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from notifyhub import access, inbox, zones
from notifyhub.accounts import services
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Conflict, FieldError, Invalid, TooMany
from notifyhub.intake import holding
from notifyhub.languages import N_, said
from notifyhub.models import Ticket
from notifyhub.routes import cursors, once, pages, uploads
from notifyhub.routes.client import ticket_form
from notifyhub.routes.client.ticket_form import Form, Option
from notifyhub.signins import sessions
from notifyhub.tickets import changes, clock, conversation, finding, incident, mine, opening, timeline
from notifyhub.tickets.attachments import Upload
from notifyhub.tickets.states import DEPARTMENTS, PRIORITIES
from notifyhub.tickets.telling import SOURCE

blueprint = Blueprint("ticket_pages", __name__, url_prefix="/tickets")

PAGE = 30
MOST_OFFERED = 200  # services to choose from; whoever has more types what it is


@blueprint.get("")
@access.customer
def index() -> ResponseReturnValue:
    """A script on the page asks for the list alone."""
    place = cursors.read(request.args.get("cursor"))
    after = mine.Position(bool(place[0]), *place[1:]) if place else None
    lines, last = mine.page(db.session(), g.account, after, PAGE)
    following = url_for("ticket_pages.index", cursor=cursors.write(*last)) if last else None
    now = utcnow()
    return pages.part_or_page(
        "client/_tickets.html", "client/tickets.html", lines=lines, following=following, first_page=after is None,
        clocks={line.ticket.id: clock.read(line.ticket, now) for line in lines}, now=now,
        held=holding.waiting(db.session(), g.account.id) if after is None else (),
    )  # fmt: skip


# --- a new one --------------------------------------------------------------------------------------------------------


@blueprint.get("/new")
@access.customer
def new() -> str:
    """?department= and ?priority=: chosen already, for links from elsewhere."""
    form = ticket_form.blank(g.account, utcnow())
    for name, known in (("department", DEPARTMENTS), ("priority", PRIORITIES)):
        if (chosen := request.args.get(name)) in known:
            form = form._replace(**{name: chosen})
    return _new(form, _choices(db.session()))


@blueprint.post("/new")
@access.customer
@access.body_limit(uploads.FORM_BYTES)
def open_ticket() -> ResponseReturnValue:
    form, chosen = ticket_form.read(request.form, g.account), uploads.read()
    try:
        with transaction() as session:
            answer, first = once.run(session, _author(), chosen, lambda: {"number": _opened(session, form, chosen, utcnow())})
    except Invalid as error:
        return _refused(form, error.errors, chosen), 422
    except once.Different:
        return _refused(form, [FieldError("", SENT_BEFORE)], chosen), 409
    except TooMany as error:
        wait = format_timedelta(timedelta(seconds=error.retry_after), add_direction=True, locale=pages.formats())
        errors = [FieldError("", error.message), FieldError("", said("It works again %(when)s.", when=wait))]
        return _refused(form, errors, chosen), 429, {"Retry-After": str(error.retry_after)}
    if first:
        pages.say(pages.words().gettext("Your ticket is with us."), "life-buoy")
    return redirect(url_for("ticket_pages.show", number=answer["number"]), 303)


SENT_BEFORE = N_("You sent this form before, and changed it since. To open a second ticket, send it again.")


def _opened(session: Session, form: Form, chosen: Sequence[Upload], now: datetime) -> int:
    """Everything that is wrong is said at once. Raises Invalid, TooMany."""
    document, errors = ticket_form.made(form, _choices(session), now)
    checked = uploads.check(chosen, errors)
    try:
        opening.checked(session, g.account, document, now)
    except Invalid as error:
        errors += error.errors
    if errors:
        raise Invalid(*errors)
    minutes = pages.settings().ticket_promise_minutes
    return opening.open_ticket(session, g.account, document, checked, "page", minutes, now).number


def _choices(session: Session) -> list[Option]:
    return ticket_form.options(services.page(session, g.account.id, ended=False, after="", limit=MOST_OFFERED + 1))


def _refused(form: Form, errors: Sequence[FieldError], chosen: Sequence[Upload]) -> str:
    choices = _choices(db.session())
    return _new(form, choices, ticket_form.by_field(errors, form, choices), len(chosen))


def _new(form: Form, choices: Sequence[Option], errors: dict[str, list[str]] | None = None, lost_files: int = 0) -> str:
    return render_template(
        "client/new_ticket.html",
        form=form,
        errors=errors or {},
        lost_files=lost_files,
        departments=DEPARTMENTS,
        priorities=PRIORITIES,
        choices_of_services=choices[:MOST_OFFERED],
        more_choices=len(choices) > MOST_OFFERED,
        zones=zones.by_region(utcnow(), form.time_zone if form.time_zone == g.account.time_zone else None),
        limits=uploads.LIMITS,
        lengths={"subject": opening.SUBJECT_CHARACTERS, "body": opening.BODY_CHARACTERS, "name": incident.NAME_CHARACTERS},
        promise=timedelta(minutes=pages.settings().ticket_promise_minutes),
    )


# --- one of them ------------------------------------------------------------------------------------------------------


@blueprint.get("/<int:number>")
@access.customer
def show(number: int) -> ResponseReturnValue:
    """A script on the page asks for what changes of it alone."""
    return pages.part_or_page("client/_ticket.html", "client/ticket.html", **_shown(finding.find(db.session(), number, g.account.id)))


def _shown(ticket: Ticket, body: str = "", errors: dict[str, list[str]] | None = None, lost_files: int = 0) -> dict[str, Any]:
    session, now = db.session(), utcnow()
    whole = finding.whole(session, ticket, internal=False)
    return {
        "ticket": ticket, "entries": timeline.entries(whole), "clock": clock.read(ticket, now), "now": now, "body": body,
        "errors": errors or {}, "lost_files": lost_files, "limits": uploads.LIMITS,
        "is_unread": bool(inbox.unread_about(session, g.account, SOURCE, [str(ticket.id)])),
    }  # fmt: skip


@blueprint.post("/<int:number>/reply")
@access.customer
@access.body_limit(uploads.FORM_BYTES)
def reply(number: int) -> ResponseReturnValue:
    body, chosen = request.form.get("body", ""), uploads.read()
    try:
        with transaction() as session:
            answer, first = once.run(session, _author(), chosen, lambda: _replied(session, number, body, chosen, utcnow()))
    except Invalid as error:
        return _not_replied(number, body, pages.by_field(error), chosen), 422
    except once.Different:
        return _not_replied(number, body, {"": [REPLIED_BEFORE]}, chosen), 409
    except Conflict as error:
        return _not_replied(number, body, {"": [error.message]}, chosen), 409
    if first:
        pages.say(pages.words().gettext("Your reply is with us."), "send")
    return redirect(url_for("ticket_pages.show", number=number, _anchor=f"m-{answer['message']}"), 303)


REPLIED_BEFORE = N_("You sent a reply from this page before. What you see below is different: send it again if you want to add it.")


def _replied(session: Session, number: int, body: str, chosen: Sequence[Upload], now: datetime) -> dict[str, Any]:
    """Raises NotFound, Invalid, Conflict."""
    errors: list[FieldError] = []
    finding.find(session, number, g.account.id)
    checked = uploads.check(chosen, errors)
    if errors:
        raise Invalid(*errors)
    message = conversation.reply_by_customer(session, number, g.account.id, body, checked, "page", now)
    inbox.mark_about(session, g.account, SOURCE, str(message.ticket_id), now)  # who answers has read
    return {"message": str(message.id)}


def _not_replied(number: int, body: str, errors: dict[str, list[str]], chosen: Sequence[Upload]) -> str:
    ticket = finding.find(db.session(), number, g.account.id)
    return render_template("client/ticket.html", **_shown(ticket, body, errors, len(chosen)))


@blueprint.post("/<int:number>/resolve")
@access.customer
def resolve(number: int) -> ResponseReturnValue:
    try:
        with transaction() as session:
            changes.resolve_by_customer(session, number, g.account.id, utcnow())
    except Conflict as error:
        pages.say(pages.translated(error.message), "info")
        return redirect(url_for("ticket_pages.show", number=number), 303)
    pages.say(pages.words().gettext("Marked as resolved. If the problem comes back, reply here."), "circle-check")
    return redirect(url_for("ticket_pages.show", number=number), 303)


@blueprint.post("/<int:number>/read")
@access.customer
def read(number: int) -> ResponseReturnValue:
    """What the inbox has about it; asked for by the script of the page once it is looked at."""
    with transaction() as session:
        ticket = finding.find(session, number, g.account.id)
        inbox.mark_about(session, g.account, SOURCE, str(ticket.id), utcnow())
    return "", 204


def _author() -> str:
    return sessions.author_of(g.account)
