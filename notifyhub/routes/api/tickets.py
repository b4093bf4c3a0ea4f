from __future__ import annotations

import uuid
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from notifyhub import access, files, staff
from notifyhub.accounts import lookup
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import FieldError, Invalid, NotFound
from notifyhub.languages import N_
from notifyhub.models import Mailbox, Staff, Ticket, TicketMessage
from notifyhub.routes import downloads
from notifyhub.routes.api import ticket_schemas as schemas
from notifyhub.routes.api.base import Blueprint, idempotent, page_of, read_cursor, settings
from notifyhub.tickets import attachments, changes, conversation, finding, listing, opening
from notifyhub.tickets.states import By

blueprint = Blueprint("tickets", __name__, url_prefix="/v1/tickets", description="What customers ask support")
FORM_BYTES = attachments.MOST_BYTES_TOGETHER + attachments.MOST_BYTES  # one file too many is answered with a sentence


@blueprint.post("")
@access.key("tickets")
@idempotent
@blueprint.arguments(schemas.NewTicket)
@blueprint.response(201, schemas.WholeTicket)
def open_ticket(document: dict[str, Any]) -> Any:
    """Open a ticket for an account, which is told that it was received. High priority needs an incident."""
    with transaction() as session:
        account = _account(session, document["account"])
        ticket = opening.open_ticket(session, account, document, (), "api", settings().ticket_promise_minutes, utcnow())
        session.flush()
        return _whole(session, ticket, internal=False)


@blueprint.get("")
@access.key("tickets")
@blueprint.arguments(schemas.TicketsQuery, location="query")
@blueprint.response(200, schemas.TicketPage)
def list_tickets(query: dict[str, Any]) -> Any:
    """Newest first."""
    session = db.session()
    account_id = lookup.find(session, query["account"]).id if query["account"] else None
    statuses, departments = ((value,) if value else () for value in (query["status"], query["department"]))
    wanted = listing.Wanted(account_id, statuses, departments, query["priority"])
    rows = listing.page(session, wanted, read_cursor(query["cursor"]), query["limit"] + 1)
    return page_of([_shown(*row) for row in rows], query["limit"])


@blueprint.get("/<int:number>")
@access.key("tickets")
@blueprint.arguments(schemas.TicketQuery, location="query")
@blueprint.response(200, schemas.WholeTicket)
def get_ticket(query: dict[str, Any], number: int) -> Any:
    """Read a ticket: what was said, with its files, and what was changed."""
    session = db.session()
    ticket = finding.find(session, number, _seen_by(session, query))
    return _whole(session, ticket, query["internal"] and not query["account"])


@blueprint.patch("/<int:number>")
@access.key("tickets")
@blueprint.arguments(schemas.TicketChange)
@blueprint.response(200, schemas.WholeTicket)
def change_ticket(document: dict[str, Any], number: int) -> Any:
    """Change status, department, priority or assignee, as staff. What is absent stays; the customer is told of the first three."""
    with transaction() as session:
        by = _by_staff(session, document.pop("staff", None))
        if document.get("assignee"):
            document["assignee"] = _member(session, "assignee", document["assignee"])
        ticket = changes.change(session, number, by, document, utcnow())
        session.flush()
        return _whole(session, ticket, internal=True)


@blueprint.post("/<int:number>/messages")
@access.key("tickets")
@idempotent
@blueprint.arguments(schemas.AsAccount, location="query")
@blueprint.arguments(schemas.NewMessage)
@blueprint.response(201, schemas.Message)
def add_message(query: dict[str, Any], document: dict[str, Any], number: int) -> Any:
    """Reply as the customer or as staff, or note something among staff. A reply of staff is told to the customer."""
    return _add(query, document, number, [])


@blueprint.post("/<int:number>/attachments")
@access.key("tickets")
@access.body_limit(FORM_BYTES)
@idempotent
@blueprint.arguments(schemas.AsAccount, location="query")
@blueprint.arguments(schemas.NewFilesForm, location="form")
@blueprint.arguments(schemas.NewFiles, location="files")
@blueprint.response(201, schemas.Message)
def add_attachments(query: dict[str, Any], form: dict[str, Any], uploads: dict[str, Any], number: int) -> Any:
    """Add files, as a message with or without words. What they are is found in their content."""
    given = [attachments.Upload(upload.filename or "", upload.stream.read()) for upload in uploads["file"]]
    return _add(query, form, number, attachments.check(given, "file"))


def _add(query: dict[str, Any], document: dict[str, Any], number: int, checked: list[files.Checked]) -> finding.Message:
    _refuse_of_customers(document)
    with transaction() as session:
        account_id = _seen_by(session, query)
        finding.find(session, number, account_id)
        now, body = utcnow(), document["body"]
        if document["from"] == "customer":
            message = conversation.reply_by_customer(session, number, account_id, body, checked, "api", now)
        else:
            by = _by_staff(session, document.get("staff"))
            if document["internal"]:
                message = conversation.note(session, number, by, body, checked, "api", now)
            else:
                message = conversation.reply_by_staff(session, number, by, body, checked, "api", now, document.get("status"))
        session.flush()
        return _message(session, message)


def _refuse_of_customers(document: dict[str, Any]) -> None:
    """What belongs to staff alone."""
    if document["from"] == "customer":
        given = [name for name in ("internal", "staff", "status") if document.get(name)]
    else:
        given = ["status"] if document["internal"] and document.get("status") else []
    if given:
        raise Invalid(*(FieldError(name, N_("goes with a reply of staff only")) for name in given))


@blueprint.get("/<int:number>/files/<uuid:id>")
@access.key("tickets")
@blueprint.arguments(schemas.TicketQuery, location="query")
@blueprint.doc(
    responses={
        "200": {
            "description": "The file, as Content-Disposition: attachment.",
            "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in sorted(files.ATTACHMENTS)},
        }
    }
)
def get_ticket_file(query: dict[str, Any], number: int, id: uuid.UUID) -> Response:
    """Fetch a file of a ticket."""
    session = db.session()
    ticket = finding.find(session, number, _seen_by(session, query))
    return downloads.answer(attachments.find(session, ticket, id, query["internal"] and not query["account"]))


def _account(session: Session, external_id: str) -> Any:
    try:
        return lookup.find(session, external_id)
    except NotFound as error:
        raise Invalid(FieldError("account", error.message)) from None


def _seen_by(session: Session, query: dict[str, Any]) -> int | None:
    return lookup.find(session, query["account"]).id if query["account"] else None


def _by_staff(session: Session, email: str | None) -> By:
    return By("staff", _member(session, "staff", email) if email else None)


def _member(session: Session, field: str, email: str) -> Staff:
    try:
        return staff.find(session, email)
    except NotFound as error:
        raise Invalid(FieldError(field, error.message)) from None


def _whole(session: Session, ticket: Ticket, internal: bool) -> dict[str, Any]:
    whole = finding.whole(session, ticket, internal)
    return _shown(ticket, whole.account, whole.assignee, whole.contact) | {"messages": whole.messages, "history": whole.changes}


def _shown(ticket: Ticket, account: Any, assignee: Staff | None, contact: Mailbox | None) -> dict[str, Any]:
    own = {name: getattr(ticket, name) for name in OWN}
    person = {"name": ticket.contact_name or "", "email": contact.email} if contact else None
    return own | {"account": account.external_id if account else None, "assignee": assignee, "contact": person}


OWN = (
    "number", "id", "department", "priority", "status", "subject", "incident", "created_at", "updated_at", "promised_at",
    "first_response_at", "breached_at",
)  # fmt: skip


def _message(session: Session, message: TicketMessage) -> finding.Message:
    return finding.messages(session, [message])[0]
