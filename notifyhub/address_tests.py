"""A mail that only shows whether mail arrives, asked for by whoever set the address."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import audit, dispatch, preferences, routing
from notifyhub.accounts import lookup
from notifyhub.database import new_id
from notifyhub.errors import Conflict, TooMany
from notifyhub.kinds import KINDS
from notifyhub.languages import N_, said
from notifyhub.models import Account, DeliveryAddress, Mailbox
from notifyhub.signins import attempts

WORTH_SENDING_FOR = timedelta(hours=1)


def send(session: Session, account: Account, mailbox_id: int, now: datetime) -> str:
    """Answers the address. Raises NotFound, Conflict (never confirmed, or it bounces), TooMany."""
    lookup.lock(session, account)
    mailbox = preferences.held(session, account, mailbox_id)
    if mailbox.status == "bouncing" or not _confirmed(session, account, mailbox):
        raise Conflict(N_("This address has to be confirmed first."))
    if wait := attempts.test_must_wait(session, attempts.key_of(mailbox.key), account.id, now):
        message = N_("No more than %(most)s test mails an hour are sent to one address, and for one account.")
        raise TooMany(said(message, most=attempts.TESTS_TO_ONE.most), int(wait.total_seconds()) + 1)
    telling = dispatch.Telling(
        KINDS["test"],
        "test",
        str(new_id()),
        named=(routing.Mailbox(mailbox.id, mailbox.email),),
        send_before=now + WORTH_SENDING_FOR,
    )
    dispatch.accept(session, telling, now, account.id)
    audit.record(session, "address.tested", f"account:{account.id}", account.id, mailbox=mailbox.id)
    return mailbox.email


def _confirmed(session: Session, account: Account, mailbox: Mailbox) -> bool:
    """Nobody who has not agreed to it is mailed."""
    if mailbox.id == account.registered_mailbox_id:
        return True
    states = select(DeliveryAddress.state).where(DeliveryAddress.account_id == account.id, DeliveryAddress.mailbox_id == mailbox.id)
    return any(state != "pending" for state in session.scalars(states))
