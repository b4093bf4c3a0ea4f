"""Confirmation of an address by its owner: a signed, expiring link that is good for one press of a button."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from notifyhub import addresses, audit, dispatch, routing
from notifyhub.accounts import lookup
from notifyhub.database import changed, new_id
from notifyhub.errors import Conflict, FieldError, Invalid, NotFound, TooMany
from notifyhub.kinds import KINDS
from notifyhub.languages import N_, said
from notifyhub.models import Account, Confirmation, DeliveryAddress, Mailbox

VALID_FOR = timedelta(days=3)
DAY = timedelta(days=1)
MOST_PER_ACCOUNT = 10  # a day
MOST_PER_MAILBOX = 3  # a day, over all accounts


def request(session: Session, account: Account, mailbox_id: int, field: str, now: datetime) -> None:
    """Mails a confirmation, unless one that still holds is on its way. Raises Invalid, TooMany."""
    # not FOR UPDATE: that would wait for everyone who just now adds an address with this mailbox, and they for us
    mailbox = session.execute(select(Mailbox).where(Mailbox.id == mailbox_id).with_for_update(key_share=True)).scalar_one()
    if not mailbox.blocked_at and _outstanding(session, account.id, mailbox_id, now):
        return
    _mail(session, account, mailbox, field, now)


def request_again(session: Session, account: Account, email_key: str, now: datetime) -> None:
    """The customer asked for another mail, or mends a mailbox that bounced. Raises NotFound, Conflict, Invalid, TooMany."""
    lookup.lock(session, account)
    mailbox = session.execute(select(Mailbox).where(Mailbox.key == email_key).with_for_update(key_share=True)).scalar()
    held = (
        mailbox
        and session.scalars(
            select(DeliveryAddress.state).where(DeliveryAddress.account_id == account.id, DeliveryAddress.mailbox_id == mailbox.id)
        ).all()
    )
    registered = mailbox is not None and mailbox.id == account.registered_mailbox_id
    if mailbox is None or not (held or registered):
        raise NotFound(N_("This account has no such address."))
    if mailbox.status != "bouncing" and "pending" not in (held or ()):
        raise Conflict(N_("This address is confirmed already."))
    _mail(session, account, mailbox, "email", now)


def _mail(session: Session, account: Account, mailbox: Mailbox, field: str, now: datetime) -> None:
    if mailbox.blocked_at or _blocked_before_erasure(session, mailbox):
        raise Invalid(FieldError(field, N_("the owner of this mailbox asked us to send it no confirmations")))
    _within_limits(session, account, mailbox, field, now)
    confirmation = Confirmation(id=new_id(), account_id=account.id, mailbox_id=mailbox.id, created_at=now, expires_at=now + VALID_FOR)
    session.add(confirmation)
    session.flush()
    telling = dispatch.Telling(
        KINDS["confirmation"],
        "confirmation",
        str(confirmation.id),
        data={"confirmation": str(confirmation.id), "expires_at": confirmation.expires_at.isoformat()},
        named=(routing.Mailbox(mailbox.id, mailbox.email),),
        send_before=confirmation.expires_at,
    )
    dispatch.accept(session, telling, now, account.id)


def fingerprint(email_key: str) -> str:
    """The key of an erased mailbox whose owner wants no confirmations: it tells the address to nobody, and stays known by it."""
    return "blocked:" + hashlib.sha256(email_key.encode()).hexdigest()


def _blocked_before_erasure(session: Session, mailbox: Mailbox) -> bool:
    return session.execute(select(Mailbox.id).where(Mailbox.key == fingerprint(mailbox.key))).first() is not None


def _within_limits(session: Session, account: Account, mailbox: Mailbox, field: str, now: datetime) -> None:
    """Nobody can use us to flood a mailbox. The caller holds the rows of account and mailbox, so that two at once count right."""
    for column, id, most, message in (
        (
            Confirmation.account_id,
            account.id,
            MOST_PER_ACCOUNT,
            N_("no more than %(most)s confirmations a day are mailed for this account"),
        ),
        (
            Confirmation.mailbox_id,
            mailbox.id,
            MOST_PER_MAILBOX,
            N_("no more than %(most)s confirmations a day are mailed for this mailbox"),
        ),
    ):
        sent, oldest = session.execute(
            select(func.count(), func.min(Confirmation.created_at)).where(column == id, Confirmation.created_at > now - DAY)
        ).one()
        if sent >= most:
            wait = int((oldest + DAY - now).total_seconds()) + 1
            raise TooMany(N_("Too many confirmations were asked for."), wait, [FieldError(field, said(message, most=most))])


def _outstanding(session: Session, account_id: int, mailbox_id: int, now: datetime) -> bool:
    found = select(Confirmation.id).where(
        Confirmation.account_id == account_id,
        Confirmation.mailbox_id == mailbox_id,
        Confirmation.used_at.is_(None),
        Confirmation.expires_at > now,
    )
    return session.execute(found.limit(1)).scalar() is not None


class Spent(Conflict):
    """The link was used."""


class Expired(Conflict):
    """The link is too old."""


def look_up(session: Session, id: uuid.UUID, now: datetime) -> tuple[Confirmation, Mailbox]:
    """What a link stands for. Raises NotFound (erased since, or withdrawn), Spent, Expired."""
    row = session.execute(
        select(Confirmation, Mailbox).join(Mailbox, Mailbox.id == Confirmation.mailbox_id).where(Confirmation.id == id)
    ).first()
    if row is None:
        raise NotFound(N_("This link belongs to no confirmation."))
    confirmation, mailbox = row
    held = select(DeliveryAddress.state).where(
        DeliveryAddress.account_id == confirmation.account_id, DeliveryAddress.mailbox_id == mailbox.id
    )
    registered = select(Account.id).where(Account.id == confirmation.account_id, Account.registered_mailbox_id == mailbox.id)
    if confirmation.used_at is not None:
        raise Spent(N_("This link has been used already."))
    if confirmation.expires_at <= now:
        raise Expired(N_("This link has expired."))
    if session.execute(held.limit(1)).first() is None and session.execute(registered).first() is None:
        raise NotFound(N_("This address was removed from the account since."))
    return confirmation, mailbox


def confirm(session: Session, id: uuid.UUID, now: datetime) -> Mailbox:
    confirmation, mailbox = _spend(session, id, now)
    if mailbox.status == "bouncing":
        mailbox.status, mailbox.status_reason, mailbox.status_at, mailbox.usable_since = "ok", None, now, now
    addresses.became_usable(session, confirmation.account_id, mailbox.id, now)
    audit.record(session, "address.confirmed", f"account:{confirmation.account_id}", confirmation.account_id, mailbox=mailbox.id)
    return mailbox


def block(session: Session, id: uuid.UUID, now: datetime) -> Mailbox:
    """ "I did not ask for this": nobody can have confirmations mailed there any more."""
    confirmation, mailbox = _spend(session, id, now)
    mailbox.blocked_at = now
    addresses.withdraw(session, confirmation.account_id, mailbox.id)
    audit.record(session, "mailbox.blocked", f"account:{confirmation.account_id}", confirmation.account_id, mailbox=mailbox.id)
    return mailbox


def _spend(session: Session, id: uuid.UUID, now: datetime) -> tuple[Confirmation, Mailbox]:
    confirmation, mailbox = look_up(session, id, now)
    unused = update(Confirmation).where(Confirmation.id == id, Confirmation.used_at.is_(None))
    if not changed(session, unused.values(used_at=now)):
        raise Spent(N_("This link has been used already."))
    return confirmation, mailbox
