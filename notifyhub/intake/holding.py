"""Mails that concern an account without proof of who wrote them: they wait until someone who is signed in there says whose they are."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, undefer

from notifyhub import addresses, audit, dispatch, routing
from notifyhub.emails import Email
from notifyhub.errors import Conflict, NotFound
from notifyhub.kinds import KINDS
from notifyhub.languages import N_
from notifyhub.models import HeldMail, IncomingMail

SOURCE = "mail"
MOST_LISTED = 20
MOST_AN_HOUR = 20  # for one account


def with_room(session: Session, account_ids: Iterable[int], now: datetime) -> list[int]:
    """Those that did not have too many lately: whoever floods one is not to bury what it waits for."""
    return [id for id in account_ids if _held_lately(session, id, now) < MOST_AN_HOUR]


def _held_lately(session: Session, account_id: int, now: datetime) -> int:
    query = select(IncomingMail.id).join(HeldMail, HeldMail.mail_id == IncomingMail.id)
    lately = query.where(HeldMail.account_id == account_id, IncomingMail.received_at > now - timedelta(hours=1)).limit(MOST_AN_HOUR)
    return session.execute(select(func.count()).select_from(lately.subquery())).scalar_one()


def hold(session: Session, mail: IncomingMail, account_ids: Iterable[int]) -> None:
    session.add_all(HeldMail(account_id=id, mail_id=mail.id) for id in account_ids)
    audit.record(session, "mail.held", f"mail:{mail.id}")


def ask_to_sign_in(session: Session, mail: IncomingMail, email: Email, answers: str, now: datetime) -> None:
    """Once for each mail. It repeats nothing of it: anyone may have written that address there."""
    id = addresses.mailbox_ids(session, [email])[email.key]
    data = {"path": f"/tickets/mail/{mail.id}", "received_at": mail.received_at.isoformat(), "answers": answers}
    named = (routing.Mailbox(id, email.address),)
    dispatch.accept(session, dispatch.Telling(KINDS["mail_held"], SOURCE, str(mail.id), data=data, named=named), now)


def waiting(session: Session, account_id: int) -> Sequence[IncomingMail]:
    """For this account, newest first."""
    query = select(IncomingMail).join(HeldMail, HeldMail.mail_id == IncomingMail.id)
    query = query.where(HeldMail.account_id == account_id, IncomingMail.outcome == "held")
    return session.scalars(query.order_by(IncomingMail.received_at.desc()).limit(MOST_LISTED)).all()


def find(session: Session, account_id: int, mail_id: uuid.UUID, lock: bool = False) -> IncomingMail:
    """With its bytes; also one that was released there already. Raises NotFound, for mails of other accounts too."""
    query = select(IncomingMail).join(HeldMail, HeldMail.mail_id == IncomingMail.id)
    query = query.where(HeldMail.account_id == account_id, IncomingMail.id == mail_id).options(undefer(IncomingMail.raw))
    query = query.execution_options(populate_existing=True)
    mail = session.scalars(query.with_for_update(of=IncomingMail) if lock else query).first()
    if mail is None:
        raise NotFound(NOT_HERE)
    return mail


NOT_HERE = N_("No such mail waits for this account. If it concerns another account of yours, sign in there, then follow the link again.")


def open_up(session: Session, account_id: int, mail_id: uuid.UUID) -> IncomingMail:
    """For whoever decides about it; nobody else does so at the same time. Raises NotFound, Conflict (it is decided)."""
    mail = find(session, account_id, mail_id, lock=True)
    if mail.outcome != "held":
        raise Conflict(N_("This mail does not wait any more."))
    return mail


def settle(session: Session, account_id: int, mail: IncomingMail) -> None:
    """It is this account's: no other one sees it any more."""
    session.execute(delete(HeldMail).where(HeldMail.mail_id == mail.id, HeldMail.account_id != account_id))
    audit.record(session, "mail.released", f"mail:{mail.id}", account_id)


def discard(session: Session, account_id: int, mail_id: uuid.UUID) -> None:
    """Nobody there wrote it. Raises NotFound, Conflict."""
    mail = open_up(session, account_id, mail_id)
    session.execute(delete(HeldMail).where(HeldMail.mail_id == mail.id, HeldMail.account_id == account_id))
    if session.execute(select(HeldMail.mail_id).where(HeldMail.mail_id == mail.id).limit(1)).first() is None:
        mail.outcome, mail.detail = "discarded", N_("Those it concerns say that it is not from them.")
    audit.record(session, "mail.discarded", f"mail:{mail.id}", account_id)
