"""The audit log as it is read: entries with the accounts and mailboxes that they name by id, where those are still there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from notifyhub.database import among
from notifyhub.errors import FieldError, Invalid
from notifyhub.languages import said
from notifyhub.models import Account, Announcement, ApiKey, AuditEntry, Mailbox, Staff

PROGRAMS = ("system", "bootstrap key", "confirmation link", "unsubscribe link", "anyone")
MOST_ACTORS = 200  # are offered


class Wanted(NamedTuple):
    actors: Sequence[str] | None = None  # as they are recorded
    action: str | None = None
    account_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class Entry(NamedTuple):
    row: AuditEntry
    account: Account | None  # which it concerns
    actor: Account | None  # where a customer did it
    mailboxes: dict[int, str]  # addresses by id; empty where one was erased
    titles: dict[str, str]  # by locale, of the announcement that it is about


def page(session: Session, wanted: Wanted, before: tuple[datetime, int] | None, limit: int) -> list[Entry]:
    """Newest first."""
    query = select(AuditEntry)
    if wanted.actors is not None:
        query = query.where(among(session, AuditEntry.actor, wanted.actors))
    if wanted.action:
        query = query.where(AuditEntry.action == wanted.action)
    if wanted.account_id is not None:
        query = query.where(AuditEntry.account_id == wanted.account_id)
    if wanted.since:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until:
        query = query.where(AuditEntry.at < wanted.until)
    if before:
        query = query.where(tuple_(AuditEntry.at, AuditEntry.id) < tuple_(*before))
    return _with_names(session, session.scalars(query.order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)).all())


def _with_names(session: Session, rows: Sequence[AuditEntry]) -> list[Entry]:
    account_ids = {id for row in rows for id in (row.account_id, id_in(row.actor, "account")) if id}
    accounts = {row.id: row for row in session.scalars(select(Account).where(among(session, Account.id, sorted(account_ids))))}
    mailbox_ids = {row.id: list(_mailbox_ids(row)) for row in rows}
    wanted = {id for ids in mailbox_ids.values() for id in ids}
    addresses = session.execute(select(Mailbox.id, Mailbox.email).where(among(session, Mailbox.id, sorted(wanted))))
    known = dict(addresses.all())
    titles = _titles(session, rows)
    return [
        Entry(
            row,
            accounts.get(row.account_id or 0),
            accounts.get(id_in(row.actor, "account") or 0),
            {id: known.get(id, "") for id in mailbox_ids[row.id]},
            titles.get(row.subject, {}),
        )
        for row in rows
    ]


def _titles(session: Session, rows: Sequence[AuditEntry]) -> dict[str, dict[str, str]]:
    """By subject; what was dropped has none any more."""
    ids = {uuid.UUID(row.subject.partition(":")[2]) for row in rows if row.subject.startswith("announcement:")}
    if not ids:
        return {}
    found = session.execute(select(Announcement.id, Announcement.content).where(among(session, Announcement.id, sorted(ids))))
    return {f"announcement:{id}": {locale: text["title"] for locale, text in content.items()} for id, content in found}


def id_in(name: str, kind: str) -> int | None:
    """17 of "account:17", and of "staff:17 Name"."""
    start, _, rest = name.partition(":")
    number = rest.partition(" ")[0]
    return int(number) if start == kind and number.isdecimal() else None


def _mailbox_ids(row: AuditEntry) -> Iterator[int]:
    for value in (
        id_in(row.subject, "mailbox"),
        *(row.details.get(name) for name in ("mailbox", "registered_mailbox", "registered_mailbox_before")),
    ):
        if isinstance(value, int):
            yield value
    for ids in row.details.get("mailboxes", {}).values():
        yield from ids


def actors(session: Session) -> list[str]:
    """Who may have done something, customers aside: to choose from."""
    staff = session.scalars(select(Staff).order_by(Staff.name).limit(MOST_ACTORS))
    keys = session.scalars(select(ApiKey).order_by(ApiKey.name).limit(MOST_ACTORS))
    return [*(f"staff:{row.id} {row.name}" for row in staff), *(f"key:{row.id} {row.name}" for row in keys), *PROGRAMS]


def understand_actor(session: Session, text: str) -> list[str]:
    """As it is recorded, or a customer's external id, or a part of the name of a member of staff or of a key. Raises Invalid."""
    account = session.scalar(select(Account.id).where(Account.external_id == text))
    if account is not None:
        return [f"account:{account}"]
    known = actors(session)
    if text in known or text.startswith("command line"):
        return [text]
    found = [actor for actor in known if text.casefold() in actor.casefold()]
    if not found:
        raise Invalid(FieldError("actor", said("Nobody is known as %(name)s.", name=text)))
    return found


def account_id(session: Session, external_id: str) -> int:
    """Raises Invalid."""
    found = session.scalar(select(Account.id).where(Account.external_id == external_id))
    if found is None:
        raise Invalid(FieldError("account", said("There is no account %(id)s.", id=external_id)))
    return found
