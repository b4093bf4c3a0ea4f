"""A ticket is opened: everything that is wrong is said at once, field by field; what is right is recorded and acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import audit
from notifyhub.accounts import lookup
from notifyhub.database import new_id, next_number
from notifyhub.errors import FieldError, Invalid, TooMany
from notifyhub.files import Checked
from notifyhub.languages import said
from notifyhub.models import Account, Ticket, TicketMessage
from notifyhub.tickets import attachments, contacts, incident, telling
from notifyhub.tickets.contacts import ByMail, Contact
from notifyhub.tickets.states import DEPARTMENTS, PRIORITIES, line_up, start_clock
from notifyhub.words import one_line, pasted

SUBJECT_CHARACTERS = 200
BODY_CHARACTERS = 50_000
FIRST_NUMBER = 1001
MOST_AN_HOUR = 60  # of one account
MOST_AN_HOUR_OF_A_CONTACT = 10


def open_ticket(
    session: Session,
    account: Account | None,
    document: Mapping[str, Any],
    files: Sequence[Checked],
    via: str,
    promise_minutes: int,
    now: datetime,
    contact: Contact | None = None,
    by_mail: ByMail | None = None,
) -> Ticket:
    """`document`: {department, priority, subject, body, incident: {order_number|address, service_name, started_at, diagnostics}},
    strings but for `started_at`, which is aware. `contact`: whom to answer where there is no account. Raises Invalid, TooMany; the
    fields of `incident` are named incident.order_number …
    """
    values = checked(session, account, document, now)
    if account is not None:
        lookup.lock(session, account)
        _refuse_flood(session, account, now)
    elif contact is not None:
        _refuse_flood_of(session, contact, now)
    body = values.pop("body")
    ticket = Ticket(
        id=new_id(), number=next_number(session, Ticket.number, FIRST_NUMBER), account_id=account.id if account else None,
        status="open", revision=0, created_at=now, updated_at=now, promise_minutes=promise_minutes,
        seems_urgent=bool(by_mail and by_mail.seems_urgent), **values,
    )  # fmt: skip
    if account is None and contact is not None:
        contacts.attach(session, ticket, contact)
    start_clock(ticket, now)
    line_up(ticket)
    message = TicketMessage(
        id=new_id(), ticket_id=ticket.id, author="customer", staff_id=None, body=body, internal=False, via=via, created_at=now,
        mail_id=by_mail and by_mail.mail_id, left_out=list(by_mail.left_out) if by_mail else [],
    )  # fmt: skip
    session.add(ticket)
    session.flush()
    session.add(message)
    session.flush()
    attachments.keep(session, ticket, message, files, now)
    audit.record(session, "ticket.opened", f"ticket:{ticket.id}", ticket.account_id, ticket=f"#{ticket.number}")
    if by_mail is None or by_mail.acknowledged:
        telling.tell_received(session, ticket, now, by_mail.answers if by_mail else None)
    telling.signal(session, ticket)
    return ticket


def _refuse_flood(session: Session, account: Account, now: datetime) -> None:
    """Each ticket mails the account, and rings at the agents'."""
    since = now - timedelta(hours=1)
    opened = session.scalars(
        select(Ticket.created_at)
        .where(Ticket.account_id == account.id, Ticket.created_at > since)
        .order_by(Ticket.created_at.desc())
        .limit(MOST_AN_HOUR)
    ).all()
    if len(opened) == MOST_AN_HOUR:
        wait = opened[-1] - since
        raise TooMany(
            said("No more than %(most)s tickets an hour are opened for one account.", most=MOST_AN_HOUR), int(wait.total_seconds()) + 1
        )


def _refuse_flood_of(session: Session, contact: Contact, now: datetime) -> None:
    opened = contacts.since(session, contact, now - timedelta(hours=1), MOST_AN_HOUR_OF_A_CONTACT)
    if len(opened) == MOST_AN_HOUR_OF_A_CONTACT:
        wait = opened[-1] + timedelta(hours=1) - now
        message = said("No more than %(most)s tickets an hour are opened for one address.", most=MOST_AN_HOUR_OF_A_CONTACT)
        raise TooMany(message, int(wait.total_seconds()) + 1)


def checked(session: Session, account: Account | None, document: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """As it is stored. Raises Invalid."""
    errors: list[FieldError] = []
    values: dict[str, Any] = {
        "department": _one_of(document, "department", DEPARTMENTS, errors),
        "priority": _one_of({"priority": "regular", **document}, "priority", PRIORITIES, errors),
        "subject": _text(document, "subject", lambda text: one_line(text, SUBJECT_CHARACTERS, 1), errors),
        "body": _text(document, "body", lambda text: pasted(text, BODY_CHARACTERS, 1), errors),
    }
    values["incident"], wrong = incident.checked(session, account, document.get("incident"), values["priority"] == "high", now)
    if errors or wrong:
        raise Invalid(*errors, *wrong)
    return values


def _one_of(document: Mapping[str, Any], name: str, known: Sequence[str], errors: list[FieldError]) -> str:
    value = document.get(name)
    if value not in known:
        errors.append(FieldError(name, said("must be one of %(known)s", known=", ".join(known))))
    return str(value)


def _text(document: Mapping[str, Any], name: str, read: Callable[[str], str], errors: list[FieldError]) -> str:
    try:
        return read(document.get(name) or "")
    except ValueError as error:
        errors.append(FieldError(name, str(error)))
        return ""
