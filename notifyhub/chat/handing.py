"""A conversation becomes a ticket, with all that was said in it; and the address that a visitor leaves so that it can be answered."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import audit, languages
from notifyhub.accounts import lookup
from notifyhub.chat import conversation, telling
from notifyhub.chat.conversation import Over
from notifyhub.chat.states import OVER
from notifyhub.database import among
from notifyhub.emails import parse_email
from notifyhub.errors import Conflict, FieldError, Invalid, TooMany
from notifyhub.languages import N_
from notifyhub.models import Account, Chat, ChatMessage, Staff, Ticket
from notifyhub.signins import attempts
from notifyhub.tickets import changes, opening
from notifyhub.tickets.contacts import Contact
from notifyhub.tickets.states import By

SUBJECT_CHARACTERS = 80
BEGINNING, END = 15_000, 30_000  # characters of what was said that a ticket has room for
DEPARTMENT = "technical"  # where nobody chose one


class Unreachable(Conflict):
    def __init__(self) -> None:
        super().__init__(N_("This visitor is no customer we know, and left no address: a ticket could not be answered."))


def can_be_answered(chat: Chat) -> bool:
    return chat.account_id is not None or chat.email is not None


def hand_over(session: Session, id: uuid.UUID, staff: Staff, department: str, priority: str, minutes: int, now: datetime) -> Ticket:
    """An agent makes a ticket of it. Raises NotFound, Over, Unreachable, Invalid, TooMany."""
    chat = lock_for_ticket(session, id)
    if chat.status in OVER:
        raise Over
    if not can_be_answered(chat):
        raise Unreachable
    ticket = make_ticket(session, chat, department, minutes, now)
    changes.apply(session, ticket, By("staff", staff), {"priority": priority}, now)  # they have just been told of it
    audit.record(session, "chat.handed_over", f"chat:{chat.id}", chat.account_id, ticket=f"#{ticket.number}")
    return ticket


def lock_for_ticket(session: Session, id: uuid.UUID) -> Chat:
    """A ticket locks its account, so that is done first: others who add to the conversation go that way too. Raises NotFound."""
    chat = conversation.get(session, id)
    if chat.account_id:
        lookup.lock(session, session.get_one(Account, chat.account_id))
    return conversation.lock(session, chat)


def make_ticket(session: Session, chat: Chat, department: str, minutes: int, now: datetime) -> Ticket:
    """Of a conversation that is locked. Raises Invalid, TooMany."""
    account = session.get(Account, chat.account_id) if chat.account_id else None
    said = conversation.messages(session, chat.id)
    document = {"department": department, "subject": _subject(chat, said), "body": transcript(session, chat, account, said)}
    contact = Contact(parse_email(chat.email), chat.name) if chat.email and not account else None
    ticket = opening.open_ticket(session, account, document, (), "chat", minutes, now, contact)
    conversation.close(chat, "ticket")
    chat.ticket_id = ticket.id
    conversation.add(session, chat, "system", now, event="ticket", details={"number": ticket.number})
    return ticket


def _subject(chat: Chat, said: Sequence[ChatMessage]) -> str:
    """What an unproven visitor wrote is in no subject: it is mailed to an address that may be anybody's."""
    words = languages.translations(chat.locale)
    first = next((message.body for message in said if message.author == "visitor" and message.body), "") if chat.account_id else ""
    line = " ".join(first.split())
    if not line:
        return words.gettext(N_("Question by live chat"))
    return line if len(line) <= SUBJECT_CHARACTERS else f"{line[:SUBJECT_CHARACTERS].rsplit(' ', 1)[0]} …"


def transcript(session: Session, chat: Chat, account: Account | None, said: Sequence[ChatMessage]) -> str:
    """What both said, as plain text in the visitor's language."""
    words = languages.translations(chat.locale)
    agents = select(Staff).where(among(session, Staff.id, {row.staff_id or 0 for row in said}))
    staff = {row.id: row.name for row in session.scalars(agents)}
    visitor = (account.name if account else chat.name) or words.gettext(N_("Visitor"))
    lines = [
        f"{message.created_at:%H:%M} {visitor if message.author == 'visitor' else staff.get(message.staff_id or 0, '')}:\n{message.body}"
        for message in said
        if message.body
    ]
    head = words.gettext(N_("Live chat of %(day)s, times in UTC")) % {"day": f"{chat.created_at:%Y-%m-%d}"}
    text = "\n\n".join([head, *lines])
    return text if len(text) <= BEGINNING + END else f"{text[:BEGINNING]}\n\n[…]\n\n{text[-END:]}"


# --- the address of whoever we do not know ----------------------------------------------------------------------------


def leave_address(session: Session, token: str, email: str, name: str, place: str, minutes: int, now: datetime) -> Chat:
    """Where nobody answered in time, it becomes a ticket with that. Raises NotFound, Invalid, Over, TooMany."""
    chat = conversation.lock(session, conversation.find(session, token))
    if chat.status in OVER:
        raise Over
    try:
        address = parse_email(email.strip())
    except ValueError as error:
        raise Invalid(FieldError("email", str(error))) from None
    if wait := attempts.chat_address_must_wait(session, attempts.key_of(address.key), place, now):
        raise TooMany(N_("This address was given too often lately. Please try again later."), int(wait.total_seconds()) + 1)
    chat.email, chat.name, chat.updated_at = address.address, name or chat.name, now
    if chat.status == "unanswered" and can_be_answered(chat):
        make_ticket(session, chat, DEPARTMENT, minutes, now)
    telling.signal(session, chat)
    return chat
