"""Sign-in links for customers: mailed to a registered address, good for one press of a button, for a quarter of an hour."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from notifyhub import audit, dispatch, routing
from notifyhub.database import changed, new_id
from notifyhub.emails import Email
from notifyhub.errors import Conflict, FieldError, Invalid, NotFound
from notifyhub.kinds import KINDS
from notifyhub.languages import N_
from notifyhub.models import Account, Mailbox, SignInLink
from notifyhub.signins import attempts

VALID_FOR = timedelta(minutes=15)
KEPT = timedelta(days=30)  # so that an old link is told to be old


class Spent(Conflict):
    """The link was used."""


class Expired(Conflict):
    """The link is too old."""


def request(session: Session, email: Email, origin: str | None, now: datetime) -> None:
    """Mails a link where the address belongs to an account and the limits allow it. Nobody is told whether it did."""
    if not attempts.may_mail_link(session, attempts.key_of(email.key), attempts.network(origin), now):
        return
    mailbox = session.execute(select(Mailbox).where(Mailbox.key == email.key)).scalar()
    accounts = _accounts(session, mailbox.id) if mailbox else []
    if mailbox is None or not accounts:
        return
    first = accounts[0]  # whose language the mail is in
    link = SignInLink(id=new_id(), account_id=first.id, mailbox_id=mailbox.id, created_at=now, expires_at=now + VALID_FOR)
    session.add(link)
    session.flush()
    telling = dispatch.Telling(
        KINDS["sign_in"],
        "sign-in",
        str(link.id),
        data={"sign_in": str(link.id), "expires_at": link.expires_at.isoformat()},
        named=(routing.Mailbox(mailbox.id, mailbox.email),),
        send_before=link.expires_at,
    )
    dispatch.accept(session, telling, now, first.id)
    audit.record(session, "sign_in.link_asked_for", f"account:{first.id}", first.id, mailbox=mailbox.id)


def look_up(session: Session, id: uuid.UUID, now: datetime) -> Sequence[Account]:
    """Whom a link signs in: one of these. Raises NotFound (erased since, or another address registered), Spent, Expired."""
    link = session.get(SignInLink, id)
    if link is None:
        raise NotFound(N_("This link is not known here any more."))
    if link.used_at is not None:
        raise Spent(N_("This link has been used already."))
    if link.expires_at <= now:
        raise Expired(N_("This link has expired."))
    accounts = _accounts(session, link.mailbox_id)
    if not accounts:
        raise NotFound(N_("The address that this link was mailed to belongs to no account any more."))
    return accounts


def spend(session: Session, id: uuid.UUID, chosen: str | None, now: datetime) -> Account:
    """`chosen` is an external id; it is needed where several accounts share the address. Raises the same, and Invalid."""
    accounts = look_up(session, id, now)
    account = next((account for account in accounts if account.external_id == chosen), None)
    if account is None and chosen is None and len(accounts) == 1:
        account = accounts[0]
    if account is None:
        raise Invalid(FieldError("account", N_("choose one of them")))
    if not changed(session, update(SignInLink).where(SignInLink.id == id, SignInLink.used_at.is_(None)).values(used_at=now)):
        raise Spent(N_("This link has been used already."))
    return account


def _accounts(session: Session, mailbox_id: int) -> Sequence[Account]:
    mine = select(Account).where(Account.registered_mailbox_id == mailbox_id, Account.erased_at.is_(None))
    return session.scalars(mine.order_by(Account.id).limit(MOST_ACCOUNTS)).all()


MOST_ACCOUNTS = 100


def prune(session: Session, now: datetime) -> None:
    session.execute(delete(SignInLink).where(SignInLink.expires_at < now - KEPT))
