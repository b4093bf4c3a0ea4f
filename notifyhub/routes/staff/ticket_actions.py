"""What staff do with a ticket: reply, note something among themselves, take it, change it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from notifyhub import access
from notifyhub.database import transaction, utcnow
from notifyhub.errors import Conflict, FieldError, Invalid
from notifyhub.files import Checked
from notifyhub.languages import N_
from notifyhub.models import Staff, Ticket, TicketMessage
from notifyhub.routes import once, pages, uploads
from notifyhub.routes.staff.tickets import NOT_YOURS, NOTHING_TYPED, Typed, readable, shown
from notifyhub.signins import sessions
from notifyhub.tickets import changes, conversation, finding, rights
from notifyhub.tickets.attachments import Upload
from notifyhub.tickets.states import By

blueprint = Blueprint("staff_ticket_actions", __name__, url_prefix="/staff/tickets")

ANSWERERS = tuple(role for role in rights.MAY_ANSWER if role != "admin")
MOST_ID = 2**63 - 1


@blueprint.post("/<int:number>/reply")
@access.staff(*ANSWERERS)
@access.body_limit(uploads.FORM_BYTES)
def reply(number: int) -> ResponseReturnValue:
    status, seen = request.form.get("status") or None, _uuid(request.form.get("seen"))

    def act(session: Session, body: str, files: Sequence[Checked]) -> TicketMessage:
        return conversation.reply_by_staff(session, number, _me(), body, files, "page", utcnow(), status, seen)

    return _say(number, act, "reply", N_("Sent."), status)


@blueprint.post("/<int:number>/note")
@access.staff(*ANSWERERS)
@access.body_limit(uploads.FORM_BYTES)
def note(number: int) -> ResponseReturnValue:
    def act(session: Session, body: str, files: Sequence[Checked]) -> TicketMessage:
        return conversation.note(session, number, _me(), body, files, "page", utcnow())

    return _say(number, act, "note", N_("Noted. The customer does not see it."))


Act = Callable[[Session, str, Sequence[Checked]], TicketMessage]


def _say(number: int, act: Act, form: str, done: str, status: str | None = None) -> ResponseReturnValue:
    chosen = uploads.read()
    typed = Typed(form, request.form.get("body", ""), status, len(chosen))
    try:
        with transaction() as session:
            _answerable(session, number)
            answer, first = once.run(session, sessions.author_of(g.staff), chosen, lambda: _said(session, act, typed.body, chosen))
    except Invalid as error:
        return _refused(number, typed, pages.by_field(error)), 422
    except once.Different:
        return _refused(number, typed, {"": [SAID_BEFORE]}), 409
    except Conflict as error:
        return _refused(number, typed, {"": [error.message]}), 409
    if first:
        pages.say(pages.words().gettext(done), "send" if form == "reply" else "lock")
    return redirect(url_for("staff_tickets.show", number=number, _anchor=f"m-{answer['message']}"), 303)


SAID_BEFORE = N_("You sent this form before. What you see below is different: send it again if you want to add it.")


def _said(session: Session, act: Act, body: str, chosen: Sequence[Upload]) -> dict[str, Any]:
    errors: list[FieldError] = []
    checked = uploads.check(chosen, errors)
    if errors:
        raise Invalid(*errors)
    return {"message": str(act(session, body, checked).id)}


def _refused(number: int, typed: Typed, errors: dict[str, list[str]]) -> str:
    return render_template("staff/ticket.html", **shown(readable(number), typed, errors))


@blueprint.post("/<int:number>/take")
@access.staff(*ANSWERERS)
def take(number: int) -> ResponseReturnValue:
    try:
        with transaction() as session:
            _answerable(session, number)
            changes.take(session, number, g.staff, utcnow())
    except changes.Taken as error:
        pages.say(pages.translated(error.message), "info")
    else:
        pages.say(pages.words().gettext("This ticket is yours."), "user")
    return redirect(url_for("staff_tickets.show", number=number), 303)


@blueprint.post("/<int:number>/change")
@access.staff(*ANSWERERS)
def change(number: int) -> ResponseReturnValue:
    """What the form showed when it was opened comes along, so that what a colleague changed meanwhile is not changed back."""
    try:
        with transaction() as session:
            _answerable(session, number)
            ticket = changes.change(session, number, _me(), _wanted(session), utcnow())
    except Invalid as error:
        return _refused(number, NOTHING_TYPED, pages.by_field(error)), 422
    pages.say(pages.words().gettext("Saved."))
    mine = ticket.department in rights.readable(g.staff.roles)
    return redirect(url_for("staff_tickets.show", number=number) if mine else url_for("staff_tickets.index"), 303)


def _wanted(session: Session) -> dict[str, Any]:
    fields = {name: request.form.get(name) for name in ("status", "priority", "department", "assignee")}
    wanted: dict[str, Any] = {
        name: value for name, value in fields.items() if value is not None and value != request.form.get(f"was.{name}")
    }
    if "assignee" in wanted:
        wanted["assignee"] = _member(session, wanted["assignee"])
    return wanted


def _member(session: Session, text: str) -> Staff | None:
    """Raises Invalid."""
    if not text:
        return None
    known = text.isascii() and text.isdecimal() and int(text[:20]) <= MOST_ID
    member = session.get(Staff, int(text)) if known else None
    if member is None:
        raise Invalid(FieldError("assignee", N_("choose one of them")))
    return member


def _answerable(session: Session, number: int) -> Ticket:
    """Raises NotFound, Forbidden."""
    ticket = finding.find(session, number)
    if not rights.may_answer(g.staff.roles, ticket.department):
        raise access.Forbidden(NOT_YOURS)
    return ticket


def _me() -> By:
    return By("staff", g.staff)


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None
