"""A held mail becomes what it would have become at once, had it been proven who wrote it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from notifyhub.config import Settings
from notifyhub.errors import Conflict
from notifyhub.intake import holding, parsing, support
from notifyhub.intake.case import Case, Outcome
from notifyhub.intake.letter import Letter
from notifyhub.models import Account, Ticket
from notifyhub.tickets.contacts import ByMail


def release(session: Session, settings: Settings, account: Account, mail_id: uuid.UUID, now: datetime) -> Ticket:
    """The reply to its ticket, or a new one. Raises NotFound, Conflict (it does not wait any more), TooMany."""
    mail = holding.open_up(session, account.id, mail_id)
    letter = Letter(session, Case(settings, mail, parsing.parse(mail.raw), now))
    mail.outcome, mail.detail, *_ = _into_ticket(letter, account)
    holding.settle(session, account.id, mail)
    assert mail.ticket_id is not None
    session.flush()
    return session.get_one(Ticket, mail.ticket_id)


def _into_ticket(letter: Letter, account: Account) -> Outcome:
    came = ByMail(letter.case.mail.id, letter.content.left_out, seems_urgent=support.seems_urgent(letter))
    if letter.ticket and letter.ticket.account_id == account.id:
        try:
            with letter.session.begin_nested():
                support.add(letter, letter.ticket, came)
            return support.REPLIED
        except Conflict:  # it is closed
            pass
    support.open_ticket(letter, account, came)
    return support.OPENED
