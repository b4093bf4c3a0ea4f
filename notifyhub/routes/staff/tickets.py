"""Tickets as staff work through them: the queue, and one of them with all there is to know about it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask import Blueprint, Flask, Response, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from notifyhub import access, windows
from notifyhub.accounts import services
from notifyhub.database import db, utcnow
from notifyhub.intake import originals
from notifyhub.languages import N_
from notifyhub.models import Account, Mailbox, Ticket
from notifyhub.routes import cursors, downloads, pages, uploads
from notifyhub.tickets import alerts, attachments, clock, finding, listing, queue, rights, timeline
from notifyhub.tickets.states import DEPARTMENTS, OVER, PRIORITIES, STATUSES

blueprint = Blueprint("staff_tickets", __name__, url_prefix="/staff/tickets")

PAGE = 40
AT_HAND = 8  # services and other tickets of the account that are listed beside one


def init_app(app: Flask) -> None:
    app.jinja_env.globals["ticket_alerts"] = ticket_alerts


def ticket_alerts() -> int | None:
    """For the navigation; None: the reader has nothing to do with tickets."""
    departments = rights.readable(g.staff.roles)
    return alerts.count(db.session(), departments, utcnow()) if departments else None


# --- the queue --------------------------------------------------------------------------------------------------------

WHOSE = {"": N_("All"), "mine": N_("Mine"), "nobody": N_("Unassigned")}


@blueprint.get("")
@access.staff(*rights.READERS)
def index() -> ResponseReturnValue:
    """A script on the page asks for the list alone."""
    session, now = db.session(), utcnow()
    departments = rights.readable(g.staff.roles)
    chosen, place = _chosen(departments), cursors.read(request.args.get("cursor"))
    wanted = queue.Wanted(chosen["department"] or None, chosen["status"] or None, _assignee(chosen["whose"]))
    rows, last = queue.page(session, wanted, queue.Position(*place) if place else None, PAGE)
    kept: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    everyone = wanted._replace(assignee_id=None)
    return pages.part_or_page(
        "staff/_queue.html", "staff/tickets.html", rows=rows, now=now, chosen=chosen, departments=departments, whose=WHOSE,
        clocks={row.ticket.id: clock.read(row.ticket, now) for row in rows}, counts=queue.counts(session, everyone),
        mine=queue.counts(session, everyone._replace(assignee_id=g.staff.id)), first_page=place is None, statuses=STATUSES,
        following=url_for(".index", **kept, cursor=cursors.write(*last)) if last else None, kept=kept,
        may_answer=lambda ticket: rights.may_answer(g.staff.roles, ticket.department),
    )  # fmt: skip


def _chosen(departments: Sequence[str]) -> dict[str, str]:
    """What makes no sense in the address is left out. Who answers one department alone, sees that one."""
    known = {"department": departments, "status": STATUSES, "whose": WHOSE}
    chosen = {name: value if (value := request.args.get(name, "")) in values else "" for name, values in known.items()}
    return chosen | ({"department": departments[0]} if len(departments) == 1 else {})


def _assignee(whose: str) -> int | None:
    return {"mine": g.staff.id, "nobody": 0}.get(whose)


# --- one of them ------------------------------------------------------------------------------------------------------


class Typed(NamedTuple):
    """What was typed into a form that was refused, to be given back."""

    form: str = ""  # reply, note
    body: str = ""
    status: str | None = None  # what the ticket is to be after it
    files: int = 0


NOTHING_TYPED = Typed()


@blueprint.get("/<int:number>")
@access.staff(*rights.READERS)
def show(number: int) -> ResponseReturnValue:
    """A script on the page asks for what changes of it alone."""
    return pages.part_or_page("staff/_ticket.html", "staff/ticket.html", **shown(readable(number)))


def readable(number: int) -> Ticket:
    """Raises NotFound, Forbidden."""
    ticket = finding.find(db.session(), number)
    if ticket.department not in rights.readable(g.staff.roles):
        raise access.Forbidden(NOT_YOURS)
    return ticket


NOT_YOURS = N_("This ticket is with another department. Your roles do not include it.")


def shown(ticket: Ticket, typed: Typed = NOTHING_TYPED, errors: dict[str, list[str]] | None = None) -> dict[str, Any]:
    session, now = db.session(), utcnow()
    whole = finding.whole(session, ticket, internal=True)
    said = [message for message in whole.messages if not message.internal]
    assignable = rights.assignable(session, ticket.department)
    if whole.assignee and whole.assignee not in assignable:
        assignable = [*assignable, whole.assignee]
    return {
        "ticket": ticket, "whole": whole, "entries": timeline.entries(whole), "clock": clock.read(ticket, now), "now": now,
        "newest": said[-1].id if said else None, "may_answer": rights.may_answer(g.staff.roles, ticket.department),
        "assignable": assignable, "departments": DEPARTMENTS, "priorities": PRIORITIES, "statuses": STATUSES,
        "beside": beside(whole.account, now, ticket) if whole.account else None, "typed": typed, "errors": errors or {},
        "limits": uploads.LIMITS,
    }  # fmt: skip


def beside(account: Account, now: datetime, without: Ticket | None = None) -> dict[str, Any]:
    """Of the account, what an agent looks at first; its open tickets `without` the one that is being looked at."""
    session = db.session()
    mailbox = session.get(Mailbox, account.registered_mailbox_id) if account.registered_mailbox_id else None
    held = services.page(session, account.id, ended=False, after="", limit=AT_HAND + 1)
    open_ones = listing.Wanted(account.id, [status for status in STATUSES if status not in OVER])
    others = [row.ticket for row in listing.page(session, open_ones, None, AT_HAND + 1) if row.ticket != without]
    return {
        "mailbox": mailbox, "services": held[:AT_HAND], "more_services": len(held) > AT_HAND, "others": others[:AT_HAND],
        "there": windows.nearby(now, now, account.time_zone, pages.formats(), pages.words()),
    }  # fmt: skip


@blueprint.get("/<int:number>/mail/<uuid:message_id>")
@access.staff(*rights.READERS)
def original(number: int, message_id: uuid.UUID) -> str:
    """A message of a ticket, as it came by mail."""
    ticket = readable(number)
    return render_template("staff/mail.html", ticket=ticket, original=originals.of_message(db.session(), ticket, message_id))


@blueprint.get("/<int:number>/files/<uuid:id>")
@access.staff(*rights.READERS)
def file(number: int, id: uuid.UUID) -> Response:
    """?show=1: a picture, to be seen in a page."""
    return downloads.answer(attachments.find(db.session(), readable(number), id, internal=True), show=request.args.get("show") == "1")
