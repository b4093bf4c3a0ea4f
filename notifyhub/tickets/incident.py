"""What a ticket of high priority has to say: which server, which service, since when. Checked against what the account has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from notifyhub.errors import FieldError
from notifyhub.languages import N_, said
from notifyhub.models import Account, Service, ServiceAddress
from notifyhub.networks import Network, parse_network
from notifyhub.words import one_line, pasted

FIELDS = ("order_number", "address", "service_name", "started_at", "diagnostics")
ORDER_CHARACTERS = 64
NAME_CHARACTERS = 200
DIAGNOSTICS_CHARACTERS = 50_000
CLOCKS_DIFFER_BY = timedelta(minutes=5)
OLDEST = timedelta(days=365)
MISSING = N_("is needed at high priority")


def checked(
    session: Session, account: Account | None, given: Mapping[str, Any] | None, needed: bool, now: datetime
) -> tuple[dict[str, Any] | None, list[FieldError]]:
    """As it is stored, and what is wrong with it. `started_at` is aware; the others are strings, which may be empty."""
    given = {name: value for name, value in (given or {}).items() if value not in (None, "")}
    if not given and not needed:
        return None, []
    errors: list[FieldError] = []
    service = _service(session, account, given, errors)
    made = {
        "order_number": service.order_number if service else None,
        "address": service.address if service else None,
        "service_name": _text(given, "service_name", lambda text: one_line(text, NAME_CHARACTERS, 1), errors),
        "started_at": _started_at(given, now, errors),
        "diagnostics": _diagnostics(given, errors),
    }
    return made, errors


class _Found(NamedTuple):
    order_number: str
    address: str | None


def _service(session: Session, account: Account | None, given: Mapping[str, Any], errors: list[FieldError]) -> _Found | None:
    """The one that both name, where both are given."""
    if "order_number" not in given and "address" not in given:
        errors.append(FieldError("incident.order_number", N_("give the server’s order number, such as #123456, or its IP address")))
        return None
    by_number = by_address = None
    if "order_number" in given:
        by_number = _by_number(session, account, given["order_number"], errors)
    if "address" in given:
        by_address = _by_address(session, account, given["address"].strip(), errors)
    if by_number and by_address and by_number != by_address.order_number:
        message = said("belongs to another service, %(number)s", number=by_address.order_number)
        errors.append(FieldError("incident.address", message))
    if by_address:
        return by_address
    return _Found(by_number, None) if by_number else None


def _by_number(session: Session, account: Account | None, text: str, errors: list[FieldError]) -> str | None:
    """With or without the #, as people write it."""
    try:
        number = one_line(text, ORDER_CHARACTERS, 1)
    except ValueError as error:
        errors.append(FieldError("incident.order_number", str(error)))
        return None
    spellings = (number, f"#{number}", number.removeprefix("#"))
    query = select(Service.order_number).where(Service.order_number.in_(spellings), Service.ended_at.is_(None))
    found = session.scalars(query.where(Service.account_id == account.id)).all() if account else ()
    if not found:
        errors.append(FieldError("incident.order_number", N_("is not the order number of a service of this account")))
    return next((spelling for spelling in spellings if spelling in found), None)


def _by_address(session: Session, account: Account | None, text: str, errors: list[FieldError]) -> _Found | None:
    try:
        address = parse_network(text)
        if address.prefix_length != 128:
            raise ValueError(N_("is a whole network; give the address of the server"))
    except ValueError as error:
        errors.append(FieldError("incident.address", str(error)))
        return None
    number = _holder(session, account, address) if account else None
    if number is None:
        errors.append(FieldError("incident.address", N_("is not an address of a service of this account")))
        return None
    return _Found(number, str(address))


def _holder(session: Session, account: Account, address: Network) -> str | None:
    """The service whose address it is, by the narrowest prefix."""
    around = tuple_(ServiceAddress.network, ServiceAddress.prefix_length).in_(
        [tuple(network) for network in (address, *address.ancestors())]
    )
    return session.scalars(
        select(Service.order_number)
        .join(ServiceAddress, ServiceAddress.service_id == Service.id)
        .where(Service.account_id == account.id, Service.ended_at.is_(None), ServiceAddress.valid_to.is_(None), around)
        .order_by(ServiceAddress.prefix_length.desc(), Service.order_number)
        .limit(1)
    ).first()


def _started_at(given: Mapping[str, Any], now: datetime, errors: list[FieldError]) -> str | None:
    started_at: datetime | None = given.get("started_at")
    if started_at is None:
        errors.append(FieldError("incident.started_at", MISSING))
    elif started_at > now + CLOCKS_DIFFER_BY:
        errors.append(FieldError("incident.started_at", N_("lies in the future")))
    elif started_at < now - OLDEST:
        errors.append(FieldError("incident.started_at", N_("is more than a year ago")))
    else:
        return started_at.isoformat()
    return None


def _text(given: Mapping[str, Any], name: str, read: Callable[[str], str], errors: list[FieldError]) -> str | None:
    if name not in given:
        errors.append(FieldError(f"incident.{name}", MISSING))
        return None
    return _read(given, name, read, errors)


def _diagnostics(given: Mapping[str, Any], errors: list[FieldError]) -> str | None:
    """There may be none."""
    return _read(given, "diagnostics", lambda text: pasted(text, DIAGNOSTICS_CHARACTERS), errors) if "diagnostics" in given else None


def _read(given: Mapping[str, Any], name: str, read: Callable[[str], str], errors: list[FieldError]) -> str | None:
    try:
        return read(given[name])
    except ValueError as error:
        errors.append(FieldError(f"incident.{name}", str(error)))
        return None
