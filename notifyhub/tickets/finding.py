"""One ticket, by its number: the row, or the whole of it as it is shown."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import markdown
from notifyhub.database import among
from notifyhub.errors import NotFound
from notifyhub.languages import N_
from notifyhub.models import Account, Mailbox, Staff, StoredFile, Ticket, TicketChange, TicketFile, TicketMessage
from notifyhub.tickets import contacts, quoting

MOST_NUMBER = 2**63 - 1


class File(NamedTuple):
    """Without its content."""

    id: uuid.UUID
    name: str
    media_type: str
    size: int


class Piece(NamedTuple):
    html: str
    quoted: bool


class Message(NamedTuple):
    id: uuid.UUID
    author: str  # customer, staff, system
    staff: Staff | None
    internal: bool
    body: str
    html: str  # safe: what staff wrote is Markdown, what customers wrote is plain
    via: str
    created_at: datetime
    files: list[File]
    pieces: list[Piece]  # the same in turns: what was written, and what was quoted
    has_original: bool  # it came as a mail
    left_out: list[str]  # names of attachments that were not taken


class Change(NamedTuple):
    """`before` and `after` as they are stored; of an assignee, the names."""

    author: str
    staff: Staff | None
    field: str
    before: str | None
    after: str | None
    at: datetime


class Whole(NamedTuple):
    ticket: Ticket
    account: Account | None
    assignee: Staff | None
    messages: list[Message]  # oldest first
    changes: list[Change]
    contact: Mailbox | None = None  # where there is no account


def find(session: Session, number: int, account_id: int | None = None) -> Ticket:
    """`account_id`: as that account may see it. Raises NotFound, for another account's too."""
    query = select(Ticket).where(Ticket.number == number)
    if account_id is not None:
        query = query.where(Ticket.account_id == account_id)
    ticket = session.scalars(query).first() if number <= MOST_NUMBER else None
    if ticket is None:
        raise NotFound(N_("There is no ticket with this number."))
    return ticket


def lock(session: Session, number: int, account_id: int | None = None) -> Ticket:
    """As it stands now, and nobody else changes it until this transaction ends. Raises NotFound."""
    ticket = find(session, number, account_id)
    if ticket.account_id:  # before the ticket: whoever erases an account goes that way
        session.execute(select(Account.id).where(Account.id == ticket.account_id).with_for_update(read=True, key_share=True))
    session.refresh(ticket, with_for_update=True)
    return ticket


def whole(session: Session, ticket: Ticket, internal: bool) -> Whole:
    """`internal`: with the notes among staff, and with who was assigned, which are no customer's business."""
    rows, changes = _messages(session, ticket, internal), _changes(session, ticket, internal)
    named = {_id(value) for row in changes if row.field == "assignee" for value in (row.before, row.after)}
    staff = _staff(session, named | {row.staff_id for row in changes} | {ticket.assignee_id})
    return Whole(
        ticket,
        session.get(Account, ticket.account_id) if ticket.account_id else None,
        staff.get(ticket.assignee_id or 0),
        messages(session, rows),
        [_change(row, staff) for row in changes],
        contacts.find(session, ticket),
    )


def messages(session: Session, rows: Sequence[TicketMessage]) -> list[Message]:
    staff, attached = _staff(session, {row.staff_id for row in rows}), files_of(session, [row.id for row in rows])
    return [
        Message(
            row.id, row.author, staff.get(row.staff_id or 0), row.internal, row.body, as_html(row.author, row.body), row.via,
            row.created_at, attached[row.id], _pieces(row), row.mail_id is not None, row.left_out,
        )
        for row in rows
    ]  # fmt: skip


def _staff(session: Session, ids: Collection[int | None]) -> dict[int, Staff]:
    wanted = sorted(id for id in ids if id)
    return {row.id: row for row in session.scalars(select(Staff).where(among(session, Staff.id, wanted)))}


def _messages(session: Session, ticket: Ticket, internal: bool) -> Sequence[TicketMessage]:
    query = select(TicketMessage).where(TicketMessage.ticket_id == ticket.id).order_by(TicketMessage.created_at, TicketMessage.id)
    return session.scalars(query if internal else query.where(~TicketMessage.internal)).all()


def _changes(session: Session, ticket: Ticket, internal: bool) -> Sequence[TicketChange]:
    query = select(TicketChange).where(TicketChange.ticket_id == ticket.id).order_by(TicketChange.at, TicketChange.id)
    return session.scalars(query if internal else query.where(TicketChange.field.in_(TOLD_FIELDS))).all()


TOLD_FIELDS = ("status", "priority", "department")  # the changes that a customer is told of


def _change(row: TicketChange, staff: dict[int, Staff]) -> Change:
    before, after = row.before, row.after
    if row.field == "assignee":
        before, after = (staff[_id(value)].name if _id(value) in staff else None for value in (before, after))
    return Change(row.author, staff.get(row.staff_id or 0), row.field, before, after, row.at)


def _id(text: str | None) -> int:
    return int(text) if text else 0


def files_of(session: Session, message_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[File]]:
    rows: Any = session.execute(
        select(TicketFile.message_id, StoredFile.id, StoredFile.name, StoredFile.media_type, StoredFile.size)
        .join(StoredFile, StoredFile.id == TicketFile.file_id)
        .where(among(session, TicketFile.message_id, message_ids))
        .order_by(StoredFile.id)
    )
    found: dict[uuid.UUID, list[File]] = defaultdict(list)
    for message_id, *file in rows:
        found[message_id].append(File(*file))
    return found


def _pieces(row: TicketMessage) -> list[Piece]:
    if row.mail_id is None:
        html = as_html(row.author, row.body)
        return [Piece(html, False)] if html else []
    return [Piece(html, quoted) for text, quoted in quoting.apart(row.body) if (html := as_html(row.author, text))]


def as_html(author: str, body: str) -> str:
    """A log that a customer pastes is no Markdown, and would suffer from being read as it."""
    if author == "staff":
        return _read_markdown(body)
    paragraphs = (paragraph.strip("\n") for paragraph in body.split("\n\n"))
    return "\n".join(f"<p>{str(escape(text)).replace(NEWLINE, '<br>')}</p>" for text in paragraphs if text)


NEWLINE = "\n"


@lru_cache(maxsize=512)  # what was said is never changed, and a page that follows its ticket is made again and again
def _read_markdown(body: str) -> str:
    return markdown.to_html(body, line_breaks=True)
