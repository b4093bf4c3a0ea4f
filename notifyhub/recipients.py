"""Accounts as the routing core sees them: rows in, plain data out. The same loader serves one account and a chunk of an audience."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, and_, bindparam, cast, select, union
from sqlalchemy.orm import Session, aliased

from notifyhub import routing
from notifyhub.database import among_ids
from notifyhub.models import Account, DeliveryAddress, Mailbox

registered = aliased(Mailbox)
previous = aliased(Mailbox)

WHO = (Account.id, registered.id, registered.email, registered.status, registered.usable_since)
BEFORE = (Account.registered_changed_at, previous.id, previous.email, previous.status, previous.usable_since)
ADDRESS = (
    DeliveryAddress.account_id,
    DeliveryAddress.category,
    DeliveryAddress.state,
    DeliveryAddress.usable_since,
    Mailbox.id,
    Mailbox.email,
    Mailbox.status,
    Mailbox.usable_since,
)

NOT_CHANGED = (None, None)
NOTHING_MUTED: frozenset[str] = frozenset()


class Loaded(NamedTuple):
    recipient: routing.Recipient
    addresses: list[routing.Address]


def load(session: Session, account_ids: Sequence[int], question: routing.Notification) -> list[Loaded]:
    """What the policy needs to know for this question. The ids ascend, and so do the answers; erased accounts are left out."""
    session.flush()  # rows are asked for past it, not objects: there are many
    who: Sequence[Any]
    if len(account_ids) == 1 and question.named is None:
        who, addresses = _of_one(session, account_ids[0], question.category)
    else:
        who = _registered(session, account_ids)
        addresses = _addresses(session, account_ids, question.category) if question.named is None else {}
    muted = _muted(session, among_ids(session, Account.id, account_ids)) if question.optional else {}
    changed = _changed(session, among_ids(session, Account.id, account_ids)) if question.category == "abuse" else {}
    none: list[routing.Address] = []
    loaded = []
    for account_id, id, email, status, usable_since in who:
        mailbox = routing.Mailbox(id, email, status, usable_since) if id else None
        before, changed_at = changed.get(account_id, NOT_CHANGED)
        recipient = routing.Recipient(account_id, mailbox, before, changed_at, muted.get(account_id, NOTHING_MUTED))
        loaded.append(Loaded(recipient, addresses.get(account_id, none)))
    return loaded


# most often one account is told something: one statement, put together once, which takes longer than to run it
ONE = (
    select(*WHO, *ADDRESS[2:])
    .outerjoin(registered, registered.id == Account.registered_mailbox_id)
    .outerjoin(DeliveryAddress, and_(DeliveryAddress.account_id == Account.id, DeliveryAddress.category == bindparam("of_category")))
    .outerjoin(Mailbox, Mailbox.id == DeliveryAddress.mailbox_id)
    .where(Account.id == bindparam("account_id"), Account.erased_at.is_(None))
    .order_by(DeliveryAddress.position)
)


def _of_one(session: Session, account_id: int, category: str) -> tuple[list[Any], dict[int, list[routing.Address]]]:
    """As the next two together."""
    rows: Any = session.connection().execute(ONE, {"account_id": account_id, "of_category": category}).all()
    addresses = [
        routing.Address(category, routing.Mailbox(id, email, status, usable_since), state, since)
        for *_, state, since, id, email, status, usable_since in rows
        if id is not None
    ]
    return [row[: len(WHO)] for row in rows[:1]], {account_id: addresses}


def _registered(session: Session, account_ids: Sequence[int]) -> Sequence[Any]:
    query = (
        select(*WHO)
        .outerjoin(registered, registered.id == Account.registered_mailbox_id)
        .where(among_ids(session, Account.id, account_ids), Account.erased_at.is_(None))
        .order_by(Account.id)
    )
    return session.connection().execute(query).all()


def _muted(session: Session, accounts: ColumnElement[bool]) -> dict[int, frozenset[str]]:
    rows = session.execute(select(Account.id, Account.muted).where(accounts, cast(Account.muted, String) != "[]"))
    return {id: frozenset(kinds) for id, kinds in rows}


def _changed(session: Session, accounts: ColumnElement[bool]) -> dict[int, tuple[routing.Mailbox | None, datetime | None]]:
    """The registered address before the present one, and since when it is not: rule 6 asks for it."""
    rows: Any = session.execute(
        select(Account.id, *BEFORE)
        .outerjoin(previous, previous.id == Account.previous_registered_mailbox_id)
        .where(accounts, Account.registered_changed_at.is_not(None))
    )
    return {id: (routing.Mailbox(*before) if before[0] else None, changed_at) for id, changed_at, *before in rows}


def _addresses(session: Session, account_ids: Sequence[int], category: str) -> dict[int, list[routing.Address]]:
    query = (
        select(*ADDRESS)
        .join(Mailbox, Mailbox.id == DeliveryAddress.mailbox_id)
        .where(among_ids(session, DeliveryAddress.account_id, account_ids), DeliveryAddress.category == category)
        .order_by(DeliveryAddress.account_id, DeliveryAddress.position)
    )
    rows: Any = session.connection().execute(query).all()
    found: dict[int, list[routing.Address]] = defaultdict(list)
    for account_id, category, state, since, id, email, status, usable_since in rows:
        found[account_id].append(routing.Address(category, routing.Mailbox(id, email, status, usable_since), state, since))
    return found


def choosing(session: Session, mailbox_id: int) -> list[int]:
    """Ids of the accounts whose mail may go to this mailbox."""
    listed = select(DeliveryAddress.account_id).where(DeliveryAddress.mailbox_id == mailbox_id, DeliveryAddress.state != "pending")
    return list(session.scalars(union(listed, select(Account.id).where(Account.registered_mailbox_id == mailbox_id))))
