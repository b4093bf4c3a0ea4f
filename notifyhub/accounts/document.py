"""An account as the provider's systems describe it: JSON in, checked plain data out.

Written by hand rather than as a marshmallow schema: an import has a budget of some 30 µs an account here, and the schema
takes 110 µs. The schema in routes/api/schemas.py describes the same document; a test holds the two together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Set
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from zoneinfo import available_timezones

from babel import Locale

from notifyhub.emails import Email, parse_email
from notifyhub.errors import FieldError, Invalid
from notifyhub.kinds import CATEGORIES
from notifyhub.languages import said
from notifyhub.networks import Network, parse_network
from notifyhub.words import one_line

T = TypeVar("T")

ANSWERED = {"created_at", "updated_at"}  # GET says so; whoever puts back what was read means nothing by it
FIELDS = {"external_id", "registered_email", "name", "locale", "time_zone", "services", "send_email"}
SERVICE_FIELDS = {"order_number", "name", "product", "location", "node", "addresses", "status"}
SERVICE_STATUSES = ("active", "suspended", "terminated")
PROVIDER_STATES = ("pending", "verified")
MOST_SERVICES = 2000
MOST_SERVICE_ADDRESSES = 1000
MOST_ADDRESSES = 10
NAME_CHARACTERS = 200
TIME_ZONES = frozenset(available_timezones())


class ServiceDocument(NamedTuple):
    order_number: str
    name: str
    product: str
    location: str
    node: str
    status: str
    addresses: tuple[Network, ...]

    def text(self) -> str:
        """All of it in one string; no field has a NUL in it."""
        addresses = "".join([f"{network.hex()}/{length}" for network, length in self.addresses])
        return "\0".join((*self[:6], addresses))


class WantedAddress(NamedTuple):
    email: Email
    vouched: bool  # the provider says that it is verified


class AccountDocument(NamedTuple):
    """What is None was absent, and stays as it is (or takes its default when the account is new)."""

    external_id: str
    registered: Email
    name: str | None
    locale: str | None
    time_zone: str | None
    services: list[ServiceDocument] | None
    send_email: dict[str, list[WantedAddress]] | None
    # Service addresses that cannot be read. One typing error in an inventory must not keep a customer from being told of
    # an outage, so an import keeps the account without them and reports them; a single PUT is refused.
    dropped: tuple[FieldError, ...] = ()

    def digests(self) -> dict[str, str]:
        """By part; what is absent here did not change."""
        parts = {"registered": self.registered.address, "name": self.name, "locale": self.locale, "time_zone": self.time_zone}
        if self.services is not None:
            parts["services"] = "\0".join(map(ServiceDocument.text, self.services))
        for category, listed in (self.send_email or {}).items():
            parts[f"send_email.{category}"] = "\0".join([f"{wanted.email.address}\0{wanted.vouched}" for wanted in listed])
        return {name: _digest(text) for name, text in parts.items() if text is not None}


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


class Reader:
    """Collects every error of one document, so that it is mended in one go."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.dropped: list[FieldError] = []

    def error(self, field: str, message: str) -> None:
        self.errors.append(FieldError(field, message))

    def parse(self, field: str, value: Any, parse: Callable[[str], T]) -> T | None:
        if value.__class__ is not str:
            self.error(field, f"must be a string, not {json_type(value)}")
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.error(field, str(error))
            return None

    def optional(self, document: dict[str, Any], field: str, parse: Callable[[str], T]) -> T | None:
        return self.parse(field, document[field], parse) if field in document else None

    def required(self, document: dict[str, Any], field: str, parse: Callable[[str], T], prefix: str = "") -> T | None:
        if field in document:
            return self.parse(prefix + field, document[field], parse)
        self.error(prefix + field, "is required")
        return None

    def known(self, given: Set[str], fields: set[str], prefix: str = "") -> None:
        if not given <= fields:
            for field in sorted(map(str, given - fields)):
                self.error(prefix + field[:80].encode("utf-8", "replace").decode(), f"unknown field; known are {', '.join(sorted(fields))}")


def json_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a number", bool: "true or false"}
    return names.get(type(value), "null")


def read_account(document: Any, external_id: str | None = None) -> AccountDocument:
    """`external_id` comes from the address of the request, or is a field of the document (None here). Raises Invalid."""
    if document.__class__ is not dict:
        raise Invalid(FieldError("", f"must be an object, not {json_type(document)}"))
    read = Reader()
    read.known(document.keys() - ANSWERED, FIELDS)
    if external_id is None:
        named = read.required(document, "external_id", read_external_id)
    else:
        named = read.parse("external_id", external_id, read_external_id)
        if document.get("external_id", external_id) != external_id:
            read.error("external_id", "is another one than in the address of the request")
    registered = read.required(document, "registered_email", parse_email)
    name = read.optional(document, "name", lambda text: one_line(text, NAME_CHARACTERS))
    locale = read.optional(document, "locale", read_locale)
    time_zone = read.optional(document, "time_zone", read_time_zone)
    services = _services(read, document["services"]) if "services" in document else None
    send_email = _send_email(read, document["send_email"]) if "send_email" in document else None
    if read.errors or named is None or registered is None:
        raise Invalid(*read.errors)
    return AccountDocument(named, registered, name, locale, time_zone, services, send_email, tuple(read.dropped))


def read_external_id(text: str) -> str:
    text = one_line(text, 128, 1)
    if "/" in text:
        raise ValueError("must not have a / in it")
    if "\ufffd" in text:  # what is left of characters that were not UTF-8: many ids would become this one
        raise ValueError("has a character that could not be read (U+FFFD)")
    return text


@lru_cache(maxsize=512)
def read_locale(text: str) -> str:
    try:
        return str(Locale.parse(text.replace("-", "_")))
    except Exception:  # Babel raises ValueError, UnknownLocaleError, TypeError, IndexError
        raise ValueError(f"{text[:40]!r} is not a known locale, such as en, tr or pt_BR") from None


def read_time_zone(text: str) -> str:
    if text not in TIME_ZONES:
        raise ValueError(f"{text[:60]!r} is not an IANA time zone, such as Europe/Istanbul")
    return text


@lru_cache(maxsize=8192)
def _word(text: str) -> str:
    return one_line(text, 200)


def _services(read: Reader, items: Any) -> list[ServiceDocument] | None:
    if items.__class__ is not list:
        read.error("services", f"must be a list, not {json_type(items)}")
        return None
    if len(items) > MOST_SERVICES:
        read.error("services", f"has {len(items):,} services; {MOST_SERVICES:,} are allowed")
        return None
    services: dict[str, ServiceDocument] = {}
    for index, item in enumerate(items):
        service = _service(read, item, f"services.{index}.")
        if service and service.order_number in services:
            read.error(f"services.{index}.order_number", f"{service.order_number} stands here twice")
        elif service:
            services[service.order_number] = service
    return list(services.values())


def _service(read: Reader, item: Any, prefix: str) -> ServiceDocument | None:
    if item.__class__ is not dict:
        read.error(prefix[:-1], f"must be an object, not {json_type(item)}")
        return None
    read.known(item.keys(), SERVICE_FIELDS, prefix)
    status = item.get("status", "active")
    if status not in SERVICE_STATUSES:
        read.error(prefix + "status", f"must be one of {', '.join(SERVICE_STATUSES)}")
    number = read.required(item, "order_number", lambda text: one_line(text, 64, 1), prefix)
    words = [read.parse(prefix + name, item[name], _word) if name in item else "" for name in ("name", "product", "location", "node")]
    addresses = _service_addresses(read, item["addresses"], prefix + "addresses") if "addresses" in item else ()
    if number is None or addresses is None or None in words:
        return None
    return ServiceDocument(number, words[0] or "", words[1] or "", words[2] or "", words[3] or "", status, addresses)


def _service_addresses(read: Reader, items: Any, field: str) -> tuple[Network, ...] | None:
    if items.__class__ is not list:
        read.error(field, f"must be a list, not {json_type(items)}")
        return None
    if len(items) > MOST_SERVICE_ADDRESSES:
        read.error(field, f"has {len(items):,} addresses; {MOST_SERVICE_ADDRESSES:,} are allowed")
        return None
    networks = set()
    for index, item in enumerate(items):
        try:
            networks.add(parse_network(item))
        except ValueError as error:
            read.dropped.append(FieldError(f"{field}.{index}", f"{item[:60]!r} {error}"))
        except (AttributeError, TypeError):
            read.error(f"{field}.{index}", f"must be a string, not {json_type(item)}")
    return tuple(sorted(networks))


def _send_email(read: Reader, categories: Any) -> dict[str, list[WantedAddress]] | None:
    if categories.__class__ is not dict:
        read.error("send_email", f"must be an object, not {json_type(categories)}")
        return None
    read.known(categories.keys(), set(CATEGORIES), "send_email.")
    return {
        category: read_addresses(read, categories[category], f"send_email.{category}") for category in CATEGORIES if category in categories
    }


def read_addresses(read: Reader, items: Any, field: str, states: bool = True) -> list[WantedAddress]:
    """One category: a list, or {"addresses": […]}, of strings or {email, state}. `states`: whether `state` means anything."""
    if items.__class__ is dict and "addresses" in items:
        read.known(items.keys(), {"addresses", "now"}, field + ".")
        items = items["addresses"]
    if items.__class__ is not list:
        read.error(field, f"must be a list of addresses, not {json_type(items)}")
        return []
    if len(items) > MOST_ADDRESSES:
        read.error(field, said("has %(count)s addresses; %(most)s are allowed", count=f"{len(items):,}", most=MOST_ADDRESSES))
        return []
    wanted: dict[str, WantedAddress] = {}
    for index, item in enumerate(items):
        place, state = f"{field}.{index}", "pending"
        if item.__class__ is dict:
            read.known(item.keys(), {"email", "state"}, place + ".")
            state = item.get("state", state)
            email = read.required(item, "email", parse_email, place + ".")
        else:
            email = read.parse(place, item, parse_email)
        if states and state not in PROVIDER_STATES:
            read.error(f"{place}.state", f"must be one of {', '.join(PROVIDER_STATES)}")
        if email and email.key in wanted:
            read.error(place + ".email" if item.__class__ is dict else place, f"is the same mailbox as {wanted[email.key].email.address}")
        elif email:
            wanted[email.key] = WantedAddress(email, states and state == "verified")
    return list(wanted.values())
