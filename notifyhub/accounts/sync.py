"""Brings accounts to what the provider's systems say of them: one at a time, or a million in pieces.

A sync applies what changed in the provider's own data since it was last said. So the same file twice changes nothing, and
what customers chose in between stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import addresses, audit, dispatch
from notifyhub.accounts import services
from notifyhub.accounts.document import AccountDocument
from notifyhub.database import Encoded, among, bulk_insert, new_row_ids
from notifyhub.models import Account, DeliveryAddress, Mailbox
from notifyhub.routing import HIJACK_WINDOW
from notifyhub.words import folded

ACCOUNT = ("id", "external_id", "name", "name_key", "locale", "time_zone", "registered_mailbox_id", "synced")
ACCOUNTS_ALIKE = ("muted", "created_at", "updated_at")
ADDRESS = ("account_id", "mailbox_id")
ADDRESSES_ALIKE = ("category", "state", "position", "created_at")


EMPTY = Encoded("[]")


class Synced(NamedTuple):
    outcome: Literal["created", "updated", "unchanged"]
    account_id: int
    changes: list[addresses.Change]  # what the owner should hear of


def sync(session: Session, documents: Sequence[AccountDocument], default_locale: str, now: datetime) -> list[Synced]:
    """In the order of `documents`, whose external ids must differ. Raises IntegrityError when another sync makes the same
    account at this moment; the transaction is to be run again then."""
    rows = session.scalars(
        select(Account)
        .where(among(session, Account.external_id, [document.external_id for document in documents]))
        .order_by(Account.id)
        .with_for_update()
    )
    existing = {row.external_id: row for row in rows}
    digests = {document.external_id: document.digests() for document in documents}
    changed = [
        document
        for document in documents
        if (row := existing.get(document.external_id)) is None or not digests[document.external_id].items() <= row.synced.items()
    ]
    emails = [document.registered for document in changed]
    emails += [wanted.email for document in changed for listed in (document.send_email or {}).values() for wanted in listed]
    mailboxes = addresses.mailbox_ids(session, emails)
    new = [document for document in changed if document.external_id not in existing]
    made = _create(session, new, digests, mailboxes, default_locale, now)
    results = {external_id: Synced("created", id, []) for external_id, id in made.items()}
    held = services.of_accounts(session, [row.id for document in changed if (row := existing.get(document.external_id))])
    for document in changed:
        if row := existing.get(document.external_id):
            results[document.external_id] = _update(session, row, document, digests[document.external_id], mailboxes, held, now)
    for external_id, row in existing.items():
        results.setdefault(str(external_id), Synced("unchanged", row.id, []))
    return [results[document.external_id] for document in documents]


def _create(
    session: Session,
    documents: Sequence[AccountDocument],
    digests: dict[str, dict[str, str]],
    mailboxes: dict[str, int],
    default_locale: str,
    now: datetime,
) -> dict[str, int]:
    if not documents:
        return {}
    documents = sorted(documents, key=lambda document: document.external_id)  # two at once wait for each other in one order only
    ids = dict(zip((document.external_id for document in documents), new_row_ids(session, Account.__table__, len(documents)), strict=True))
    alike = (EMPTY, now, now)
    accounts = (
        (ids[d.external_id], d.external_id, d.name or "", folded(d.name or ""), d.locale or default_locale, d.time_zone or "UTC",
         mailboxes[d.registered.key], digests[d.external_id], alike)
        for d in documents
    )  # fmt: skip
    bulk_insert(session, Account.__table__, ACCOUNT, accounts, ACCOUNTS_ALIKE)
    services.add(session, [(ids[document.external_id], service) for document in documents for service in document.services or ()], now)
    # addresses that come with a new account count as old for rule 6 of the policy: no usable_since
    listed = (
        (ids[document.external_id], mailboxes[wanted.email.key], (category, "verified" if wanted.vouched else "pending", position, now))
        for document in documents
        for category, wanted_ones in (document.send_email or {}).items()
        for position, wanted in enumerate(wanted_ones)
    )
    bulk_insert(session, DeliveryAddress.__table__, ADDRESS, listed, ADDRESSES_ALIKE)
    _record_created(session, list(ids.values()))
    return ids


def _record_created(session: Session, ids: list[int]) -> None:
    """One entry for all that one transaction made: a row for each would be a tenth of an import."""
    if len(ids) == 1:
        audit.record(session, "account.created", f"account:{ids[0]}", ids[0])
    else:
        audit.record(session, "accounts.created", "accounts", ids=ids)


def _update(
    session: Session,
    account: Account,
    document: AccountDocument,
    digests: dict[str, str],
    mailboxes: dict[str, int],
    held: dict[int, list[services.Held]],
    now: datetime,
) -> Synced:
    """Only the parts whose digest is another one than last time."""
    parts = {name for name, digest in digests.items() if account.synced.get(name) != digest}
    account.synced = account.synced | digests
    done: dict[str, Any] = {}
    for name in ("name", "locale", "time_zone"):
        if name in parts and getattr(account, name) != getattr(document, name):
            setattr(account, name, getattr(document, name))
            done[name] = True
    account.name_key = folded(account.name)
    changes: list[addresses.Change] = []
    registered = mailboxes[document.registered.key]
    if "registered" in parts and registered != account.registered_mailbox_id:
        done |= {"registered_mailbox": registered, "registered_mailbox_before": account.registered_mailbox_id}
        changes += _change_registered(session, account, registered, now)
    elif "registered" in parts:  # the same mailbox in other spelling
        session.get_one(Mailbox, registered).email = document.registered.address
    if "services" in parts and services.bring_to(session, account.id, held.get(account.id, []), document.services or [], now):
        done["services"] = True
    for category, listed in (document.send_email or {}).items():
        if f"send_email.{category}" in parts:
            wanted = [addresses.Wanted(mailboxes[item.email.key], item.vouched) for item in listed]
            changed = addresses.set_category(session, account, category, wanted, now)
            changes += changed
            if changed:
                done[f"send_email.{category}"] = True
    if not done:
        return Synced("unchanged", account.id, [])
    account.updated_at = now
    audit.record(session, "account.updated", f"account:{account.id}", account.id, **done)
    return Synced("updated", account.id, changes)


def _change_registered(session: Session, account: Account, mailbox_id: int, now: datetime) -> list[addresses.Change]:
    before, changed_at = account.registered_mailbox_id, account.registered_changed_at
    if changed_at is None or now - changed_at >= HIJACK_WINDOW:
        account.previous_registered_mailbox_id = before  # of several changes in a row, the owner is whoever was there first
    account.registered_mailbox_id, account.registered_changed_at = mailbox_id, now
    if session.get_one(Mailbox, mailbox_id).status == "ok":
        dispatch.close_repairs(session, [account.id], now)
    return [addresses.Change("registered", None, before, told=True)] if before else []
