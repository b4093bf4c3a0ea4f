"""A customer's mails: those that wait until someone says whose they are, and those of tickets as they came. No GET changes anything."""

from __future__ import annotations

import uuid
from datetime import timedelta

from babel.dates import format_timedelta
from flask import Blueprint, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from notifyhub import access
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Conflict, TooMany
from notifyhub.intake import holding, originals, releasing
from notifyhub.models import Ticket
from notifyhub.routes import pages
from notifyhub.tickets import finding

blueprint = Blueprint("mail_pages", __name__, url_prefix="/tickets")


@blueprint.get("/mail/<uuid:id>")
@access.customer
def show(id: uuid.UUID) -> ResponseReturnValue:
    """What the link in the answer to a held mail leads to."""
    session = db.session()
    mail = holding.find(session, g.account.id, id)
    ticket = session.get(Ticket, mail.ticket_id) if mail.ticket_id else None
    if ticket and ticket.account_id == g.account.id:
        return redirect(url_for("ticket_pages.show", number=ticket.number), 303)
    return render_template("client/held_mail.html", original=originals.of_mail(session, id))


@blueprint.post("/mail/<uuid:id>/release")
@access.customer
def release(id: uuid.UUID) -> ResponseReturnValue:
    try:
        with transaction() as session:
            number = releasing.release(session, pages.settings(), g.account, id, utcnow()).number
    except Conflict as error:
        pages.say(pages.translated(error.message), "info")
        return redirect(url_for(".show", id=id), 303)
    except TooMany as error:
        wait = format_timedelta(timedelta(seconds=error.retry_after), add_direction=True, locale=pages.formats())
        pages.say(pages.translated(error.message) + " " + pages.words().gettext("It works again %(when)s.") % {"when": wait}, "info")
        return redirect(url_for(".show", id=id), 303)
    pages.say(pages.words().gettext("Your mail is with us."), "life-buoy")
    return redirect(url_for("ticket_pages.show", number=number), 303)


@blueprint.post("/mail/<uuid:id>/discard")
@access.customer
def discard(id: uuid.UUID) -> ResponseReturnValue:
    try:
        with transaction() as session:
            holding.discard(session, g.account.id, id)
    except Conflict as error:
        pages.say(pages.translated(error.message), "info")
    else:
        pages.say(pages.words().gettext("Thank you. Nobody acts on that mail."), "ban")
    return redirect(url_for("ticket_pages.index"), 303)


@blueprint.get("/<int:number>/mail/<uuid:message_id>")
@access.customer
def original(number: int, message_id: uuid.UUID) -> str:
    """A message of a ticket, as it came."""
    session = db.session()
    ticket = finding.find(session, number, g.account.id)
    return render_template("client/mail.html", ticket=ticket, original=originals.of_message(session, ticket, message_id))
