"""Files that people add to a ticket: how many, how large, and what they may be."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import files
from notifyhub.errors import FieldError, Invalid, NotFound
from notifyhub.languages import N_, said
from notifyhub.models import StoredFile, Ticket, TicketFile, TicketMessage

MOST = 10  # of one message
MOST_BYTES = 10 * 1024 * 1024  # of one file
MOST_BYTES_TOGETHER = 20 * 1024 * 1024  # of the files of one message


class Upload(NamedTuple):
    name: str
    content: bytes


def check(uploads: Sequence[Upload], field: str = "files") -> list[files.Checked]:
    """Raises Invalid, with the errors of all together as `field`, and of each as files.0 …"""
    if len(uploads) > MOST:
        raise Invalid(FieldError(field, said("are %(count)s; %(most)s are allowed with one message", count=len(uploads), most=MOST)))
    if sum(len(upload.content) for upload in uploads) > MOST_BYTES_TOGETHER:
        most = MOST_BYTES_TOGETHER // 1024 // 1024
        raise Invalid(FieldError(field, said("are larger than %(most)s MB together", most=most)))
    errors: list[FieldError] = []
    checked = []
    for index, upload in enumerate(uploads):
        try:
            checked.append(files.check(upload.name, upload.content, files.ATTACHMENTS, MOST_BYTES))
        except ValueError as error:
            errors.append(FieldError(f"{field}.{index}", str(error)))
    if errors:
        raise Invalid(*errors)
    return checked


def keep(session: Session, ticket: Ticket, message: TicketMessage, checked: Sequence[files.Checked], now: datetime) -> list[StoredFile]:
    """Those of a note among staff belong to no account, so that nothing can show them to it."""
    account_id = None if message.internal else ticket.account_id
    kept = [files.keep(session, file, now, account_id) for file in checked]
    session.flush()
    session.add_all(TicketFile(message_id=message.id, file_id=file.id) for file in kept)
    return kept


def find(session: Session, ticket: Ticket, id: uuid.UUID, internal: bool) -> StoredFile:
    """`internal`: those of notes among staff too. Raises NotFound."""
    query = (
        select(StoredFile)
        .join(TicketFile, TicketFile.file_id == StoredFile.id)
        .join(TicketMessage, TicketMessage.id == TicketFile.message_id)
        .where(StoredFile.id == id, TicketMessage.ticket_id == ticket.id)
    )
    found = session.scalars(query if internal else query.where(~TicketMessage.internal)).first()
    if found is None:
        raise NotFound(N_("This ticket has no such file."))
    return found
