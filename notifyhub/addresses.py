"""Delivery addresses: which mailboxes an account set for a category, and what a change of them sets off."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from notifyhub import audit, dispatch, recipients, routing
from notifyhub.database import among, bulk_insert_missing
from notifyhub.emails import Email
from notifyhub.kinds import KINDS
from notifyhub.models import Account, DeliveryAddress, Mailbox

State = Literal["pending", "verified", "replaced"]


class Wanted(NamedTuple):
    mailbox_id: int
    verified: bool  # known to be its owner's: vouched for, or confirmed to this account before


class Plan(NamedTuple):
    """How a category's list changes: the whole new list in order, and what is new about it."""

    states: dict[int, State]
    added: list[int]
    removed: list[int]
    replaced: list[int]  # serves on until a new address is confirmed
    lifted: list[int]  # was pending and is verified now


def plan(held: Mapping[int, State], wanted: Sequence[Wanted]) -> Plan:
    """What is wanted, and what of the old list has to serve on because nothing wanted is confirmed yet."""
    states: dict[int, State] = {}
    for mailbox_id, verified in wanted:
        confirmed = verified or held.get(mailbox_id) in ("verified", "replaced")
        states[mailbox_id] = "verified" if confirmed else "pending"
    gone = [mailbox_id for mailbox_id in held if mailbox_id not in states]
    waiting = bool(states) and "verified" not in states.values()
    kept = [mailbox_id for mailbox_id in gone if waiting and held[mailbox_id] != "pending"]
    return Plan(
        states=states | dict.fromkeys(kept, "replaced"),
        added=[mailbox_id for mailbox_id in states if mailbox_id not in held],
        removed=[mailbox_id for mailbox_id in gone if mailbox_id not in kept],
        replaced=[mailbox_id for mailbox_id in kept if held[mailbox_id] == "verified"],
        lifted=[mailbox_id for mailbox_id, state in states.items() if state == "verified" and held.get(mailbox_id) == "pending"],
    )


class Change(NamedTuple):
    """One line of a security notice. For a changed registered address, the mailbox is the one before."""

    action: Literal["added", "removed", "replaced", "verified", "registered"]
    category: str | None
    mailbox_id: int
    told: bool = False  # it lost something, so it hears of it; what was never confirmed is mailed nothing


def mailbox_ids(session: Session, emails: Iterable[Email]) -> dict[str, int]:
    """By comparison key. Addresses that nobody used before become mailboxes."""
    by_key = {email.key: email.address for email in emails}
    found: dict[str, int] = {}
    while missing := [(key, address, "ok") for key, address in by_key.items() if key not in found]:
        found |= bulk_insert_missing(session, Mailbox.__table__, "key", ("key", "email", "status"), missing, answer="id")
        known = [key for key, *_ in missing if key not in found]
        # locked against erasure, which empties mailboxes that nobody uses: what it emptied just now is missing again
        find = select(Mailbox.key, Mailbox.id).where(among(session, Mailbox.key, known))
        found |= dict(session.execute(find.with_for_update(read=True, key_share=True)).all()) if known else {}
    return found


def set_category(session: Session, account: Account, category: str, wanted: Sequence[Wanted], now: datetime) -> list[Change]:
    """Makes the list what is wanted; answers what changed by that."""
    rows = {row.mailbox_id: row for row in session.scalars(_rows(account.id, category))}
    held = {id: row.state for id, row in rows.items()}
    steps = plan(held, wanted)
    for mailbox_id in steps.removed:
        session.delete(rows[mailbox_id])
    for position, (mailbox_id, state) in enumerate(steps.states.items()):
        row = rows.get(mailbox_id)
        if row is None:
            since = now if state == "verified" else None
            session.add(
                DeliveryAddress(
                    account_id=account.id, category=category, mailbox_id=mailbox_id, state=state, position=position,
                    usable_since=since, created_at=now,
                )
            )  # fmt: skip
            continue
        if row.state == "pending" and state == "verified":
            row.usable_since = now
        row.state, row.position = state, position
    session.flush()
    if steps.added or steps.removed or steps.replaced or steps.lifted:
        parts = {"added": steps.added, "removed": steps.removed, "replaced": steps.replaced, "verified": steps.lifted}
        changed = {name: ids for name, ids in parts.items() if ids}
        _record(session, account, category, changed)
    return (
        [Change("added", category, id) for id in steps.added]
        + [Change("removed", category, id, told=held[id] != "pending") for id in steps.removed]
        + [Change("replaced", category, id, told=True) for id in steps.replaced]
        + [Change("verified", category, id) for id in steps.lifted]
    )


def add(session: Session, account: Account, category: str, wanted: Sequence[Wanted], now: datetime) -> list[Change]:
    """Puts these at the end of the list, whatever became of it meanwhile."""
    listed = [row for row in session.scalars(_rows(account.id, category)) if row.state != "replaced"]
    kept = [Wanted(row.mailbox_id, row.state == "verified") for row in listed]
    known = {row.mailbox_id for row in listed}
    return set_category(session, account, category, [*kept, *(one for one in wanted if one.mailbox_id not in known)], now)


class Removed(NamedTuple):
    """All that it takes to put an address back exactly as it was."""

    category: str
    mailbox_id: int
    state: State
    position: int
    usable_since: datetime | None
    created_at: datetime
    freed: tuple[int, ...]  # what it was to replace, and is no longer replaced


def remove(session: Session, account: Account, category: str, mailbox_id: int) -> tuple[Removed, list[Change]] | None:
    """Takes one address off the list. The last confirmed one serves on while others wait for their confirmation. None: it is not there."""
    rows = {row.mailbox_id: row for row in session.scalars(_rows(account.id, category))}
    row = rows.pop(mailbox_id, None)
    if row is None:
        return None
    left = {other.state for other in rows.values()}
    serves_on = row.state == "verified" and "verified" not in left and "pending" in left
    freed = [id for id, other in rows.items() if other.state == "replaced"] if left == {"replaced"} and row.state == "pending" else []
    removed = Removed(category, mailbox_id, row.state, row.position, row.usable_since, row.created_at, tuple(freed))
    for id in freed:
        rows[id].state = "verified"
    if serves_on:
        row.state = "replaced"
        done = Change("replaced", category, mailbox_id, told=True)
    else:
        session.delete(row)
        done = Change("removed", category, mailbox_id, told=removed.state != "pending")
    session.flush()
    _record(session, account, category, {done.action: [mailbox_id]})
    return removed, [done]


def restore(session: Session, account: Account, removed: Removed) -> list[Change]:
    """Undoes that. What happened to other addresses meanwhile stays."""
    rows = {row.mailbox_id: row for row in session.scalars(_rows(account.id, removed.category))}
    row = rows.pop(removed.mailbox_id, None)
    if row is not None:
        row.state, row.usable_since = removed.state, removed.usable_since
    else:
        if removed.position in {other.position for other in rows.values()}:  # the list was numbered anew
            for other in rows.values():
                other.position += other.position >= removed.position
        session.add(
            DeliveryAddress(
                account_id=account.id, category=removed.category, mailbox_id=removed.mailbox_id, state=removed.state,
                position=removed.position, usable_since=removed.usable_since, created_at=removed.created_at,
            )
        )  # fmt: skip
    freed = [id for id in removed.freed if id in rows and rows[id].state == "verified"]
    if removed.state == "pending" and {id for id, other in rows.items() if other.state == "verified"} <= set(freed):
        for id in freed:
            rows[id].state = "replaced"
    gone = [id for id, other in rows.items() if other.state == "replaced"] if removed.state == "verified" else []
    for id in gone:  # served on only for want of a confirmed one
        session.delete(rows[id])
    session.flush()
    _record(session, account, removed.category, {"restored": [removed.mailbox_id]} | ({"removed": gone} if gone else {}))
    return [Change("added", removed.category, removed.mailbox_id)] + [Change("removed", removed.category, id, told=True) for id in gone]


def _record(session: Session, account: Account, category: str, mailboxes: Mapping[str, Sequence[int]]) -> None:
    audit.record(session, "addresses.changed", f"account:{account.id}", account.id, category=category, mailboxes=mailboxes)


def give_notice(session: Session, account: Account, changes: Sequence[Change], now: datetime) -> None:
    """Security notice: to the registered address, the one before it if that changed just now, and those that lost something."""
    changes = [change for change in changes if change.action != "verified"]  # nothing goes anywhere that it was not meant to go
    if not changes:
        return
    told = [account.registered_mailbox_id]
    told += [change.mailbox_id for change in changes if change.told]
    rows = session.scalars(select(Mailbox).where(Mailbox.id.in_({change.mailbox_id for change in changes} | {id for id in told if id})))
    mailboxes = {row.id: row for row in rows}
    named = tuple(
        routing.Mailbox(row.id, row.email, row.status, row.usable_since)  # type: ignore[arg-type]
        for row in (mailboxes[id] for id in dict.fromkeys(told) if id)
    )
    lines = []
    for change in changes:
        shown = account.registered_mailbox_id if change.action == "registered" else change.mailbox_id
        lines.append({"action": change.action, "category": change.category, "email": mailboxes[shown or change.mailbox_id].email})
    telling = dispatch.Telling(KINDS["addresses_changed"], "address-change", str(uuid.uuid4()), data={"changes": lines}, named=named)
    dispatch.accept(session, telling, now, account.id)


def became_usable(session: Session, account_id: int, mailbox_id: int, now: datetime) -> None:
    """Its owner has confirmed it: for all categories at once, and in the place of what it was to replace."""
    rows = session.scalars(
        select(DeliveryAddress).where(DeliveryAddress.account_id == account_id, DeliveryAddress.mailbox_id == mailbox_id)
    ).all()
    for row in rows:
        if row.state != "pending":
            continue
        row.state, row.usable_since = "verified", now
        session.execute(
            delete(DeliveryAddress).where(
                DeliveryAddress.account_id == account_id, DeliveryAddress.category == row.category, DeliveryAddress.state == "replaced"
            )
        )
    dispatch.close_repairs(session, [account_id, *recipients.choosing(session, mailbox_id)], now)


def withdraw(session: Session, account_id: int, mailbox_id: int) -> None:
    """Its owner did not ask for this: what waits for a confirmation goes. What it was to replace is no longer replaced."""
    rows = session.scalars(
        select(DeliveryAddress).where(
            DeliveryAddress.account_id == account_id, DeliveryAddress.mailbox_id == mailbox_id, DeliveryAddress.state == "pending"
        )
    ).all()
    for row in rows:
        session.delete(row)
        session.flush()
        left = session.scalars(_rows(account_id, row.category)).all()
        if all(other.state == "replaced" for other in left):
            for other in left:
                other.state = "verified"
    session.flush()


def _rows(account_id: int, category: str) -> Any:
    return (
        select(DeliveryAddress)
        .where(DeliveryAddress.account_id == account_id, DeliveryAddress.category == category)
        .order_by(DeliveryAddress.position)
    )
