"""A mail as its writer made it, to be looked at: nothing in it acts, and nothing is fetched from elsewhere."""

from __future__ import annotations

import uuid
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from notifyhub.errors import NotFound
from notifyhub.intake import content, parsing
from notifyhub.languages import N_
from notifyhub.models import IncomingMail, Ticket, TicketMessage

SHOWN_HEADERS = ("From", "Reply-To", "To", "Cc", "Date", "Subject")
GONE = N_("This mail is not kept any more.")


class Original(NamedTuple):
    mail: IncomingMail
    headers: list[tuple[str, str]]
    text: str
    html: str | None  # safe
    files: list[str]  # names of all that came with it


def of_message(session: Session, ticket: Ticket, message_id: uuid.UUID) -> Original:
    """Raises NotFound."""
    query = select(TicketMessage.mail_id).where(TicketMessage.id == message_id, TicketMessage.ticket_id == ticket.id)
    mail_id = session.execute(query).scalar()
    if mail_id is None:
        raise NotFound(GONE)
    return of_mail(session, mail_id)


def of_mail(session: Session, id: uuid.UUID) -> Original:
    """Raises NotFound."""
    mail = session.get(IncomingMail, id, options=[undefer(IncomingMail.raw)])
    if mail is None or not mail.raw:
        raise NotFound(GONE)
    message = parsing.parse(mail.raw)
    headers = [(name, parsing.header(message, name)) for name in SHOWN_HEADERS]
    read = content.read(message)
    files = [*(file.name for file in read.files), *read.left_out]
    return Original(mail, [(name, value) for name, value in headers if value], read.text, content.safe_html(message), files)
