"""What is typed into the form of a new ticket, and the ticket that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from notifyhub import wall_clock, zones
from notifyhub.accounts.services import Held
from notifyhub.errors import FieldError
from notifyhub.languages import N_
from notifyhub.models import Account
from notifyhub.networks import Network, parse_network
from notifyhub.tickets.incident import CLOCKS_DIFFER_BY
from notifyhub.tickets.states import DEPARTMENTS, PRIORITIES

CHOOSE = N_("choose one of them")
SHOWN_ADDRESSES = 3
IN_ADDRESSES = set("0123456789abcdefABCDEF.:/")


class Form(NamedTuple):
    """Every field as it was typed."""

    department: str = ""
    priority: str = "regular"
    subject: str = ""
    body: str = ""
    service: str = ""  # chosen: its order number
    server: str = ""  # typed: an IP address or an order number
    service_name: str = ""
    started_at: str = ""
    time_zone: str = ""
    diagnostics: str = ""


class Option(NamedTuple):
    """A service to choose from."""

    order_number: str
    name: str
    addresses: str


def blank(account: Account, now: datetime) -> Form:
    return Form(started_at=wall_clock.write(now, account.time_zone), time_zone=account.time_zone)


def read(form: Mapping[str, str], account: Account) -> Form:
    typed = Form(**{name: form.get(name, "") for name in Form._fields})
    return typed._replace(time_zone=typed.time_zone or account.time_zone)


def options(held: Sequence[Held]) -> list[Option]:
    return [Option(item.service.order_number, item.service.name, _some(sorted(item.addresses))) for item in held]


def _some(addresses: Sequence[Network]) -> str:
    shown = ", ".join(map(str, addresses[:SHOWN_ADDRESSES]))
    return f"{shown}, …" if len(addresses) > SHOWN_ADDRESSES else shown


def made(form: Form, choices: Sequence[Option], now: datetime) -> tuple[dict[str, Any], list[FieldError]]:
    """The document that tickets are opened with, and what is wrong with it already."""
    document: dict[str, Any] = {name: getattr(form, name) for name in ("department", "priority", "subject", "body")}
    errors = [
        FieldError(name, CHOOSE) for name, known in (("department", DEPARTMENTS), ("priority", PRIORITIES)) if document[name] not in known
    ]
    if form.priority == "high":
        document["incident"] = _incident(form, choices, now, errors)
    return document, errors


def _incident(form: Form, choices: Sequence[Option], now: datetime, errors: list[FieldError]) -> dict[str, Any]:
    server = form.server.strip()
    is_address = _is_address(server)
    if form.service and server and not is_address and server.removeprefix("#") != form.service.removeprefix("#"):
        errors.append(FieldError("server", N_("names another service than the one chosen above")))
    chosen = next((option for option in choices if option.order_number == form.service), None)
    name = form.service_name.strip() or (chosen.name or chosen.order_number if chosen else "")  # as the script of the page fills it in
    return {
        "order_number": form.service or ("" if is_address else server),
        "address": server if is_address else "",
        "service_name": name,
        "started_at": _started_at(form, now, errors),
        "diagnostics": form.diagnostics,
    }


def _is_address(text: str) -> bool:
    """Or was meant to be one: so that a mistyped one is not taken for an order number."""
    try:
        parse_network(text)
    except ValueError:
        return text.count(".") == 3 or (text.count(":") > 1 and set(text) <= IN_ADDRESSES)
    return True


def _started_at(form: Form, now: datetime, errors: list[FieldError]) -> datetime | None:
    """Of a time that the clock shows twice, the later one, unless it is still to come."""
    if form.time_zone not in zones.NAMES:
        errors.append(FieldError("time_zone", CHOOSE))
        return None
    if not form.started_at.strip():
        return None
    try:
        first = wall_clock.read(form.started_at, form.time_zone)
        second = wall_clock.read(form.started_at, form.time_zone, second=True)
    except ValueError as error:
        errors.append(FieldError("started_at", str(error)))
        return None
    return second.at if second.at <= now + CLOCKS_DIFFER_BY else first.at


WHEN = {"started_at", "time_zone"}
MANY = {"", "files"}  # may have several things wrong with them


def by_field(errors: Sequence[FieldError], form: Form, choices: Sequence[Option]) -> dict[str, list[str]]:
    """As the form names them. Of a field, what was found first: that a time is missing, where it could not be read, says nothing more."""
    found: dict[str, list[str]] = {}
    for field, message in errors:
        name = _field(field, form, choices)
        known = WHEN & set(found) if name in WHEN else {name} & set(found)
        if not known or name in MANY:
            found.setdefault(name, []).append(message)
    return found


def _field(field: str, form: Form, choices: Sequence[Option]) -> str:
    if field == "incident.order_number":
        return "server" if not choices or (form.server.strip() and not form.service) else "service"
    if field == "incident.address":
        return "server"
    return field.removeprefix("incident.")
