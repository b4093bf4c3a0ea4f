"""What is said in a ticket: replies of both sides, and notes among staff."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import audit
from notifyhub.database import new_id
from notifyhub.errors import Conflict, FieldError, Invalid
from notifyhub.files import Checked
from notifyhub.languages import N_, said
from notifyhub.models import StoredFile, Ticket, TicketMessage
from notifyhub.tickets import attachments, changes, finding, telling
from notifyhub.tickets.contacts import ByMail
from notifyhub.tickets.opening import BODY_CHARACTERS
from notifyhub.tickets.states import CUSTOMER, STATUSES, By, line_up, stop_clock
from notifyhub.words import pasted

CLOSED = N_("This ticket is closed, so nothing can be added to it. Please open a new one.")
CLOSED_TO_STAFF = N_("This ticket is closed. Open it again before you reply.")


class Overtaken(Conflict):
    """Someone else wrote something meanwhile, which whoever writes has not seen."""

    def __init__(self) -> None:
        super().__init__(N_("Someone else wrote in this ticket in the meantime. Read that first, then send your reply again."))


def reply_by_customer(
    session: Session,
    number: int,
    account_id: int | None,
    body: str,
    files: Sequence[Checked],
    via: str,
    now: datetime,
    by_mail: ByMail | None = None,
) -> TicketMessage:
    """A ticket that waits for the customer, or is resolved, is open again. Raises NotFound, Invalid, Conflict (closed)."""
    ticket = finding.lock(session, number, account_id)
    if ticket.status == "closed":
        raise Conflict(CLOSED)
    message, _ = _add(session, ticket, CUSTOMER, body, files, internal=False, via=via, now=now)
    if by_mail:
        message.mail_id, message.left_out = by_mail.mail_id, list(by_mail.left_out)
    if ticket.status != "open":
        changes.apply(session, ticket, CUSTOMER, {"status": "open"}, now)
    _changed(session, ticket, now)
    return message


def reply_by_staff(
    session: Session,
    number: int,
    by: By,
    body: str,
    files: Sequence[Checked],
    via: str,
    now: datetime,
    status: str | None = None,
    seen: uuid.UUID | None = None,
) -> TicketMessage:
    """The customer is told; the first one keeps the promise. `status`: what the ticket is after it; None: it waits for the customer, or
    stays resolved. `seen`: the newest message that the
    writer has read, where that matters. Raises NotFound, Invalid, Conflict (closed), Overtaken.
    """
    ticket = finding.lock(session, number)
    if ticket.status == "closed":
        raise Conflict(CLOSED_TO_STAFF)
    status = status or ("resolved" if ticket.status == "resolved" else "waiting_for_customer")
    if status not in STATUSES:
        raise Invalid(FieldError("status", said("must be one of %(known)s", known=", ".join(STATUSES))))
    if seen is not None and _newest(session, ticket) != seen:
        raise Overtaken
    message, kept = _add(session, ticket, by, body, files, internal=False, via=via, now=now)
    if ticket.first_response_at is None:
        ticket.first_response_at = now
        stop_clock(ticket)
    ticket.waiting_at = now
    told = changes.apply(session, ticket, by, {"status": status}, now)
    audit.record(session, "ticket.answered", f"ticket:{ticket.id}", ticket.account_id, ticket=f"#{ticket.number}")
    telling.tell_reply(session, ticket, message, by, kept, told, now)
    _changed(session, ticket, now)
    return message


def _newest(session: Session, ticket: Ticket) -> uuid.UUID | None:
    query = select(TicketMessage.id).where(TicketMessage.ticket_id == ticket.id, ~TicketMessage.internal)
    return session.scalars(query.order_by(TicketMessage.created_at.desc(), TicketMessage.id.desc()).limit(1)).first()


def note(session: Session, number: int, by: By, body: str, files: Sequence[Checked], via: str, now: datetime) -> TicketMessage:
    """Among staff: the customer neither sees it nor hears of it. Raises NotFound, Invalid."""
    ticket = finding.lock(session, number)
    message, _ = _add(session, ticket, by, body, files, internal=True, via=via, now=now)
    audit.record(session, "ticket.noted", f"ticket:{ticket.id}", ticket.account_id, ticket=f"#{ticket.number}")
    _changed(session, ticket, now)
    return message


def _add(
    session: Session, ticket: Ticket, by: By, body: str, files: Sequence[Checked], *, internal: bool, via: str, now: datetime
) -> tuple[TicketMessage, list[StoredFile]]:
    """Without words where there are files."""
    try:
        text = pasted(body, BODY_CHARACTERS, 0 if files else 1)
    except ValueError as error:
        raise Invalid(FieldError("body", str(error))) from None
    message = TicketMessage(
        id=new_id(), ticket_id=ticket.id, author=by.author, staff_id=by.staff_id, body=text, internal=internal, via=via, created_at=now
    )
    session.add(message)
    session.flush()
    return message, attachments.keep(session, ticket, message, files, now)


def _changed(session: Session, ticket: Ticket, now: datetime) -> None:
    ticket.updated_at = now
    line_up(ticket)
    telling.signal(session, ticket)
