"""The rows of mails that came in: stored first, worked on later, by as many tries as it takes."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, undefer

from notifyhub import audit, wake
from notifyhub.config import Settings
from notifyhub.database import new_id
from notifyhub.errors import FieldError, Invalid, NotFound
from notifyhub.intake import sorting
from notifyhub.languages import N_
from notifyhub.models import IncomingMail
from notifyhub.words import one_line

MOST_BYTES = 30 * 1024 * 1024
TRY_AGAIN = timedelta(seconds=10)
MOST_TRIES = 30
KEPT = timedelta(days=90)
PRUNED_AT_ONCE = 100
NEVER_SETTLED = sorting.Outcome("failed", N_("What it is about is still being sent."))


def receive(session: Session, raw: bytes, rcpt: str, mail_from: str, now: datetime) -> IncomingMail:
    """Stores it, whatever it is; a job works on it once this is committed. Raises Invalid."""
    if not raw.strip():
        raise Invalid(FieldError("body", "is empty: the raw message is expected (message/rfc822)"))
    mail = IncomingMail(
        id=new_id(), rcpt=_address("rcpt", rcpt), mail_from=_address("mail_from", mail_from), raw=raw, size=len(raw), received_at=now,
        due_at=now, tries=0,
    )  # fmt: skip
    session.add(mail)
    wake.after_commit(session, "intake")
    return mail


def _address(field: str, text: str) -> str:
    text = text.strip().removeprefix("<").removesuffix(">")
    try:
        return one_line(text, 320, 0)
    except ValueError as error:
        raise Invalid(FieldError(field, str(error))) from None


def waiting(session: Session, now: datetime, limit: int) -> list[uuid.UUID]:
    due = select(IncomingMail.id).where(IncomingMail.outcome.is_(None), IncomingMail.due_at <= now)
    return list(session.scalars(due.order_by(IncomingMail.due_at).limit(limit)))


def work_on(session: Session, settings: Settings, id: uuid.UUID, now: datetime) -> IncomingMail | None:
    """Sorts one mail and does what follows from it, in this one transaction. None where another is at it, or it is done."""
    wanted = select(IncomingMail).where(IncomingMail.id == id, IncomingMail.outcome.is_(None))
    mail = session.execute(wanted.options(undefer(IncomingMail.raw)).with_for_update(skip_locked=True)).scalar()
    if mail is None:
        return None
    mail.tries += 1
    found = sorting.sort(session, settings, mail, now)
    if found is None and mail.tries < MOST_TRIES:
        mail.due_at = now + TRY_AGAIN
        return mail
    mail.outcome, mail.detail, mail.delivery_id, mail.reply = found or NEVER_SETTLED
    return mail


def could_not(session: Session, id: uuid.UUID, error: Exception, now: datetime) -> None:
    """A fault of ours: tried again, for a while, and shown to staff."""
    mail = find(session, id)
    mail.tries += 1
    mail.due_at = now + TRY_AGAIN * mail.tries
    if mail.tries >= MOST_TRIES:
        mail.outcome, mail.detail, mail.reply = "failed", N_("It could not be worked on: that is a fault of ours."), type(error).__name__


def run_again(session: Session, id: uuid.UUID, now: datetime) -> None:
    """For staff, where the rules or what they look at have changed since. Raises NotFound."""
    mail = find(session, id)
    audit.record(session, "mail.run_again", f"mail:{id}")
    mail.outcome, mail.detail, mail.reply, mail.due_at, mail.tries = None, None, None, now, 0
    wake.after_commit(session, "intake")


def find(session: Session, id: uuid.UUID) -> IncomingMail:
    """Raises NotFound."""
    mail = session.get(IncomingMail, id)
    if mail is None:
        raise NotFound("There is no mail with this id.")
    return mail


def prune(session: Session, now: datetime) -> None:
    old = select(IncomingMail.id).where(IncomingMail.received_at < now - KEPT).order_by(IncomingMail.received_at).limit(PRUNED_AT_ONCE)
    session.execute(delete(IncomingMail).where(IncomingMail.id.in_(old)).execution_options(synchronize_session=False))
