"""Finds accounts by whatever staff have at hand: an id, an address, an order number, a name. One box; what was typed says what it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union
from sqlalchemy.orm import Session

from notifyhub.announcements.audience import RENTED, overlapping
from notifyhub.database import among, domain_of
from notifyhub.emails import parse_email
from notifyhub.errors import FieldError, Invalid
from notifyhub.models import Account, DeliveryAddress, Mailbox, Service
from notifyhub.networks import parse_network
from notifyhub.words import folded, one_line

MOST_CHARACTERS = 254
MOST_SERVICES = 2000  # of a network are looked at; whoever sees so many names a smaller one


class Understood(NamedTuple):
    """What was typed, as it was taken: all, external_id, address, mailbox_start, domain, network, order or name."""

    kind: str
    value: str = ""  # in its plain spelling


class Row(NamedTuple):
    account: Account
    mailbox: Mailbox | None  # the registered one
    services: int  # active or suspended


class Found(NamedTuple):
    rows: list[Row]
    next: int | None  # the cursor of the next page: the id of the last account on this one
    cut: bool = False  # there is more than is looked at


def understand(session: Session, text: str, as_name: bool = False) -> Understood:
    """Raises Invalid."""
    try:
        text = one_line(text, MOST_CHARACTERS)
    except ValueError as error:
        raise Invalid(FieldError("q", str(error))) from None
    if not text:
        return Understood("all")
    if as_name:
        return Understood("name", text)
    if _any(session, Account.id, among(session, Account.external_id, _spellings(text))):
        return Understood("external_id", text)
    return _by_its_form(text) or _by_what_there_is(session, text)


def _spellings(text: str) -> list[str]:
    return sorted({text, text.upper(), text.lower()})


def _by_its_form(text: str) -> Understood | None:
    if "@" in text:
        return _address(text)
    if network := _network(text):
        return Understood("network", network)
    if text.startswith("#"):
        return Understood("order", text)
    return None


def _address(text: str) -> Understood:
    local, _, domain = text.strip("<>").rpartition("@")
    try:
        if not local:
            return Understood("domain", parse_email(f"a@{domain}").key[2:])
        return Understood("address", parse_email(text.strip("<>")).key)
    except ValueError:
        return Understood("mailbox_start", text.strip("<>").casefold())


def _network(text: str) -> str | None:
    text = text.strip("[]")
    if not re.fullmatch(r"[0-9A-Fa-f:.]*[.:][0-9A-Fa-f:.]*(/[0-9]{1,3})?", text):
        return None
    try:
        return str(parse_network(str(ip_network(text, strict=False))))
    except ValueError:
        return None


def _by_what_there_is(session: Session, text: str) -> Understood:
    """An id or a name can look like anything, so what exists decides."""
    if text.isdecimal() and _any(session, Service.id, among(session, Service.order_number, _orders(text))):
        return Understood("order", f"#{text}")
    if _any(session, Account.id, _begins(Account.external_id, _spellings(text))):
        return Understood("external_id", text)
    return Understood("name", text)


def _any(session: Session, column: Any, condition: ColumnElement[bool]) -> bool:
    return session.scalar(select(column).where(condition).limit(1)) is not None


def _orders(text: str) -> list[str]:
    bare = text.removeprefix("#")
    return [f"#{bare}", bare]


def _begins(column: Any, starts: Iterable[str]) -> ColumnElement[bool]:
    """A range of an index in the order of bytes; a wildcard in it means itself."""
    return or_(*((column >= start) & (column < start + "\U0010ffff") for start in starts))


def page(session: Session, understood: Understood, before: int | None, limit: int) -> Found:
    """Newest accounts first."""
    ids, cut = FINDERS[understood.kind](session, understood.value, before, limit + 1)
    kept = sorted(ids, reverse=True)[:limit]
    return Found(_rows(session, kept), kept[-1] if len(ids) > limit else None, cut)


def _all(session: Session, _: str, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    return _of_accounts(session, Account.erased_at.is_(None), before, limit)


def _by_external_id(session: Session, text: str, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    return _of_accounts(session, _begins(Account.external_id, _spellings(text)), before, limit)


def _by_name(session: Session, text: str, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    """Each word somewhere in the name."""
    words = [Account.name_key.contains(word, autoescape=True) for word in folded(text).split()]
    return _of_accounts(session, and_(Account.erased_at.is_(None), *words), before, limit) if words else ([], False)


def _of_accounts(session: Session, condition: ColumnElement[bool], before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    return session.scalars(_older(select(Account.id).where(condition), Account.id, before, limit)).all(), False


def _older(query: Select[Any], column: Any, before: int | None, limit: int) -> Select[Any]:
    return (query if before is None else query.where(column < before)).order_by(column.desc()).limit(limit)


def _using(which: ColumnElement[bool]) -> Callable[[Session, int | None, int], tuple[Sequence[int], bool]]:
    """Accounts that are registered with one of these mailboxes, or send to one of them."""

    def find(session: Session, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
        registered = select(Account.id).join(Mailbox, Mailbox.id == Account.registered_mailbox_id).where(which)
        listed = select(DeliveryAddress.account_id).join(Mailbox, Mailbox.id == DeliveryAddress.mailbox_id).where(which).distinct()
        halves = [_older(registered, Account.id, before, limit), _older(listed, DeliveryAddress.account_id, before, limit)]
        found = union(*(select(half.subquery()) for half in halves)).subquery()
        return session.scalars(_older(select(found.c.id), found.c.id, None, limit)).all(), False

    return find


def _by_address(session: Session, key: str, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    return _using(Mailbox.key == key)(session, before, limit)


def _by_start_of_address(session: Session, key: str, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    return _using(_begins(Mailbox.key, [key]))(session, before, limit)


def _by_domain(session: Session, domain: str, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    return _using(domain_of(Mailbox.key) == domain)(session, before, limit)


def _by_network(session: Session, network: str, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    """Accounts that hold it, or an address in it, or a network around it."""
    services = session.scalars(overlapping(session, [network]).limit(MOST_SERVICES + 1)).all()
    holders = select(Service.account_id).where(among(session, Service.id, services[:MOST_SERVICES])).distinct()
    found = session.scalars(_older(holders, Service.account_id, before, limit)).all() if services else ()
    return found, len(services) > MOST_SERVICES


def _by_order(session: Session, number: str, before: int | None, limit: int) -> tuple[Sequence[int], bool]:
    """Ended services too: whose was it?"""
    holders = select(Service.account_id).where(among(session, Service.order_number, _orders(number))).distinct()
    return session.scalars(_older(holders, Service.account_id, before, limit)).all(), False


FINDERS: dict[str, Callable[[Session, str, int | None, int], tuple[Sequence[int], bool]]] = {
    "all": _all,
    "external_id": _by_external_id,
    "address": _by_address,
    "mailbox_start": _by_start_of_address,
    "domain": _by_domain,
    "network": _by_network,
    "order": _by_order,
    "name": _by_name,
}


def _rows(session: Session, ids: Sequence[int]) -> list[Row]:
    if not ids:
        return []
    rented = select(Service.account_id, func.count()).where(among(session, Service.account_id, ids), RENTED).group_by(Service.account_id)
    counts = dict(session.execute(rented).all())
    accounts = session.execute(
        select(Account, Mailbox)
        .outerjoin(Mailbox, Mailbox.id == Account.registered_mailbox_id)
        .where(among(session, Account.id, ids), Account.external_id.is_not(None))
        .order_by(Account.id.desc())
    )
    return [Row(account, mailbox, counts.get(account.id, 0)) for account, mailbox in accounts]
