"""What people write to support: who it is from decides what becomes of it. A ladder, of which the first step that holds decides.

Nothing but a proven From says who somebody is: not Reply-To, not Sender, not the address that it was sent to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from notifyhub import languages
from notifyhub.database import take_turns
from notifyhub.errors import Conflict, TooMany
from notifyhub.intake import answering, holding, parsing
from notifyhub.intake.case import Case, Outcome
from notifyhub.intake.letter import Letter
from notifyhub.languages import N_
from notifyhub.models import Account, Delivery, DeliveryAddress, HeldMail, IncomingMail, Notification, Staff, Ticket, TicketMessage
from notifyhub.tickets import conversation, opening
from notifyhub.tickets.contacts import ByMail, Contact
from notifyhub.tickets.telling import SOURCE


class Step(NamedTuple):
    sentence: str
    holds: Callable[[Letter], bool]
    act: Callable[[Letter], Outcome]


def take(session: Session, case: Case) -> Outcome:
    case.mail.digest = _digest(case)
    session.execute(delete(HeldMail).where(HeldMail.mail_id == case.mail.id))  # it may have been worked on before
    session.flush()
    take_turns(session, f"mail {case.mail.digest.hex()}")
    letter = Letter(session, case)
    case.mail.is_proven = letter.proven
    step = next(step for step in LADDER if step.holds(letter))
    try:
        return step.act(letter)
    except TooMany as error:
        return Outcome("flood", N_("Too many mails of one address: no ticket was opened."), None, error.message)


def _digest(case: Case) -> bytes:
    """Of what its writer sent, without what servers add on the way: to two of our addresses, or handed over twice, it is the same."""
    raw = case.mail.raw
    head = re.search(rb"\r?\n\r?\n", raw)
    digest = hashlib.sha256(raw[head.end() if head else 0 :])
    for name in ("Message-ID", "From", "Date", "Subject"):
        digest.update("\0".join(["", name, *parsing.headers(case.message, name)]).encode("utf-8", "surrogateescape"))
    return digest.digest()


# --- known already ----------------------------------------------------------------------------------------------------


def is_in_a_ticket(letter: Letter) -> bool:
    return _message(letter) is not None


def say_where(letter: Letter) -> Outcome:
    message = _message(letter)
    assert message is not None
    letter.case.mail.ticket_id = message.ticket_id
    earlier = select(TicketMessage.id).where(TicketMessage.ticket_id == message.ticket_id, TicketMessage.id < message.id).limit(1)
    return REPLIED if letter.session.execute(earlier).first() else OPENED


def _message(letter: Letter) -> TicketMessage | None:
    return letter.session.scalars(select(TicketMessage).where(TicketMessage.mail_id == letter.case.mail.id)).first()


def came_before(letter: Letter) -> bool:
    mail = letter.case.mail
    same = (IncomingMail.digest == mail.digest) & (IncomingMail.id != mail.id)
    done = IncomingMail.outcome.is_not(None) & (IncomingMail.outcome != "repeated")
    return letter.session.execute(select(IncomingMail.id).where(same, done).limit(1)).first() is not None


def is_from_staff(letter: Letter) -> bool:
    if letter.author is None or letter.known:
        return False
    member = select(Staff.id).where(Staff.email_key == letter.author.email.key, Staff.disabled_at.is_(None))
    return letter.session.execute(member).first() is not None


def leave(name: str, detail: str) -> Callable[[Letter], Outcome]:
    return lambda letter: Outcome(name, detail)


# --- step 1: proven ---------------------------------------------------------------------------------------------------


def may_reply(letter: Letter) -> bool:
    ticket = letter.ticket
    if ticket is None or ticket.account_id is None or not letter.proven:
        return False
    return ticket.account_id in letter.registered or _was_told(letter, ticket)


def _was_told(letter: Letter, ticket: Ticket) -> bool:
    """A confirmed address for support, to which a mail of this ticket went."""
    set_for_support = select(DeliveryAddress.account_id).where(
        DeliveryAddress.account_id == ticket.account_id,
        DeliveryAddress.mailbox_id == letter.mailbox_id,
        DeliveryAddress.category == "support",
        DeliveryAddress.state == "verified",
    )
    mailed = select(Delivery.id).join(Notification, Notification.id == Delivery.notification_id)
    mailed = mailed.where(
        Notification.recipient_key == f"account:{ticket.account_id}",
        Notification.source == SOURCE,
        Notification.source_ref == str(ticket.id),
        Delivery.mailbox_id == letter.mailbox_id,
        Delivery.state == "sent",
    )
    return all(letter.session.execute(query.limit(1)).first() for query in (set_for_support, mailed))


def is_of_an_account(letter: Letter) -> bool:
    return letter.proven and _account(letter) is not None


def _account(letter: Letter) -> int | None:
    """Of several with this registered address the one that owns what the mail names. None where that is not clear."""
    if letter.ticket and letter.ticket.account_id:  # which may not be answered from here
        return None
    candidates = letter.registered if len(letter.registered) < 2 else [id for id in letter.registered if id in letter.named]
    return candidates[0] if len(candidates) == 1 else None


# --- without proof ----------------------------------------------------------------------------------------------------


def is_their_own(letter: Letter) -> bool:
    """Whoever asked without an account, and has had our mail; about nobody's services."""
    thread = letter.thread
    if thread is None or thread.ticket.account_id is not None or letter.mailbox_id is None or letter.named:
        return False
    return thread.ticket.contact_mailbox_id == letter.mailbox_id and (letter.proven or thread.is_ours)


def concerns_an_account(letter: Letter) -> bool:
    return bool(_concerned(letter))


def _concerned(letter: Letter) -> list[int]:
    of_the_ticket = [letter.ticket.account_id] if letter.ticket and letter.ticket.account_id else []
    return sorted({*of_the_ticket, *letter.known, *letter.named})


# --- what follows -----------------------------------------------------------------------------------------------------


def reply(letter: Letter) -> Outcome:
    """To a closed ticket that is none: a new one."""
    assert letter.ticket is not None
    account_id = letter.ticket.account_id
    try:
        with letter.session.begin_nested():
            add(letter, letter.ticket, ByMail(letter.case.mail.id, letter.content.left_out))
    except Conflict:
        return open_for_account(letter, account_id) if account_id else open_for_contact(letter)
    return REPLIED


def open_for_the_account(letter: Letter) -> Outcome:
    account_id = _account(letter)
    assert account_id is not None
    return open_for_account(letter, account_id)


def open_for_account(letter: Letter, account_id: int) -> Outcome:
    open_ticket(letter, letter.session.get_one(Account, account_id), by_mail(letter))
    return OPENED


def open_for_contact(letter: Letter) -> Outcome:
    open_ticket(letter, None, by_mail(letter))
    return OPENED


def by_mail(letter: Letter) -> ByMail:
    id = answering.answered_id(letter.session, letter.case, letter.author)
    return ByMail(letter.case.mail.id, letter.content.left_out, id is not None, id, seems_urgent(letter))


def hold(letter: Letter) -> Outcome:
    session, case = letter.session, letter.case
    accounts = holding.with_room(session, _concerned(letter), case.now)
    if not accounts:
        return Outcome("flood", N_("Too many mails that concern one account: it waits for nobody."))
    holding.hold(session, case.mail, accounts)
    id = answering.answered_id(session, case, letter.author)
    if id is not None and letter.author:
        holding.ask_to_sign_in(session, case.mail, letter.author.email, id, case.now)
    return Outcome("held", N_("It concerns an account, and who wrote it is not proven: it waits until that account releases it."))


def add(letter: Letter, ticket: Ticket, by_mail: ByMail) -> None:
    """Raises Conflict (closed)."""
    text, case = _text(letter), letter.case
    conversation.reply_by_customer(letter.session, ticket.number, ticket.account_id, text, letter.content.files, "mail", case.now, by_mail)
    case.mail.ticket_id = ticket.id


def open_ticket(letter: Letter, account: Account | None, by_mail: ByMail) -> None:
    """Raises TooMany."""
    case, author = letter.case, letter.author
    subject = letter.content.subject or _said(letter, N_("(no subject)"))
    document = {"department": "technical", "priority": "regular", "subject": subject, "body": _text(letter)}
    contact = Contact(author.email, author.name) if author and account is None else None
    minutes = case.settings.mail_promise_minutes
    ticket = opening.open_ticket(letter.session, account, document, letter.content.files, "mail", minutes, case.now, contact, by_mail)
    case.mail.ticket_id = ticket.id


def _text(letter: Letter) -> str:
    return letter.content.text or _said(letter, N_("(This mail has no text.)"))


def _said(letter: Letter, text: str) -> str:
    return languages.translations(letter.case.settings.default_locale).gettext(text)


URGENT = re.compile(
    r"\b(urgent(ly)?|emergency|asap|immediately|critical|(is|are|went|server|site|website) (down|offline)|outage"
    r"|acil(en)?|ivedi|hemen|kesinti|çöktü|erişilemiyor|dringend|notfall|sofort)\b",
    re.IGNORECASE,
)


def seems_urgent(letter: Letter) -> bool:
    return bool(URGENT.search(f"{letter.content.subject}\n{letter.own_words[:5000]}"))


OPENED = Outcome("ticket", N_("A new ticket."))
REPLIED = Outcome("reply", N_("A reply, added to its ticket."))

FROM_STAFF = N_("From a member of staff: tickets are answered in the staff area.")

LADDER = (
    Step("What is in a ticket stays there.", is_in_a_ticket, say_where),
    Step("The same mail twice is one.", came_before, leave("repeated", N_("The same mail was here before."))),
    Step("Staff answer tickets in the staff area.", is_from_staff, leave("other", FROM_STAFF)),
    Step("A proven address that may answer this ticket answers it.", may_reply, reply),
    Step("Who asked without an account goes on there.", is_their_own, reply),
    Step("A proven registered address of one account opens a ticket of it.", is_of_an_account, open_for_the_account),
    Step("What concerns an account waits until someone who signs in there says that it is theirs.", concerns_an_account, hold),
    Step("Anything else is a question of someone without an account.", lambda letter: True, open_for_contact),
)  # fmt: skip
