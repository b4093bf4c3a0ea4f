"""CloudEvents 1.0 over HTTP, in its three forms, to what an event says.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, NoReturn
from urllib.parse import unquote

from notifyhub.errors import FieldError, Invalid, Unreadable
from notifyhub.fields import printable
from notifyhub.words import one_line

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
MOST_EVENTS = 1000
CHARACTERS = {"id": 255, "source": 255, "type": 100, "subject": 255}
REQUIRED = ("specversion", "id", "source", "type")
KNOWN = {*REQUIRED, "subject", "time", "datacontenttype", "dataschema", "data", "data_base64"}

_EXTENSION = re.compile(r"[a-z0-9]{1,64}")
_JSON_TYPE = re.compile(r"application/(.+\+)?json\s*(;.*)?", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Message(NamedTuple):
    events: list[Any]  # as the JSON format writes them, and not checked yet
    is_batch: bool


class Event(NamedTuple):
    id: str
    source: str
    type: str
    subject: str | None
    data: Any


def read(content_type: str, headers: Iterable[tuple[str, str]], body: bytes) -> Message:
    """Raises Unreadable, and Invalid for a batch that is too long."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == BATCH:
        events = _json(body)
        if not isinstance(events, list):
            raise Unreadable("A batch is a JSON array of events.")
        if len(events) > MOST_EVENTS:
            raise Invalid(FieldError("", f"has {len(events):,} events; {MOST_EVENTS:,} are allowed in a batch"))
        return Message(events, is_batch=True)
    if media_type == STRUCTURED:
        return Message([_json(body)], is_batch=False)
    attributes = {name[3:].lower(): _decoded(name, value) for name, value in headers if name.lower().startswith("ce-")}
    if not attributes or media_type.startswith("application/cloudevents"):
        raise Unreadable(
            f"This takes CloudEvents 1.0: {STRUCTURED}, {BATCH}, or the data as application/json with the attributes in ce- headers."
        )
    if media_type and not _JSON_TYPE.fullmatch(media_type):
        raise Unreadable("The data of an event is JSON, sent as Content-Type: application/json.")
    return Message([attributes | ({"data": _json(body)} if body else {})], is_batch=False)


def _decoded(name: str, value: str) -> str:
    """Section 3.1.3.2: percent-encoded UTF-8."""
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise Unreadable(f"The header {printable(name)} is not percent-encoded UTF-8.") from None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_json)
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The body is not JSON: {error}") from None


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def check(raw: Any) -> Event:
    """Raises Invalid, which names each attribute that is wrong."""
    if not isinstance(raw, dict):
        raise Invalid(FieldError("", "must be an object"))
    raw = {name: value for name, value in raw.items() if value is not None or name == "data"}  # JSON format, section 2.2
    errors = [FieldError(name, "is required") for name in REQUIRED if name not in raw]
    errors += [FieldError(printable(name), "unknown field") for name in raw if name not in KNOWN and not _EXTENSION.fullmatch(name)]
    errors += [FieldError(name, problem) for name, value in raw.items() if name in CHECKS and (problem := CHECKS[name](name, value))]
    if "data" in raw and "data_base64" in raw:
        errors.append(FieldError("data_base64", "stands beside data; an event has one of them"))
    if errors:
        raise Invalid(*errors)
    data = _from_base64(raw["data_base64"]) if "data_base64" in raw else raw.get("data")
    return Event(raw["id"], raw["source"], raw["type"], raw.get("subject"), data)


def _version(name: str, value: Any) -> str:
    return "" if value == "1.0" else 'must be "1.0"'


def _name(name: str, value: Any) -> str:
    """What an event is known by is compared as it is, so nothing in it may be tidied."""
    if not isinstance(value, str):
        return "must be a string"
    try:
        return "" if one_line(value, CHARACTERS[name], 1) == value else "has white space around it"
    except ValueError as error:
        return str(error)


def _source(name: str, value: Any) -> str:
    return _name(name, value) or ("has white space in it; it is a URI" if re.search(r"\s", value) else "")


def _time(name: str, value: Any) -> str:
    try:
        if isinstance(value, str) and _TIME.fullmatch(value) and datetime.fromisoformat(value.upper()):
            return ""
    except ValueError:
        pass
    return "is not a time such as 2027-03-28T00:30:00Z"


def _content_type(name: str, value: Any) -> str:
    return "" if isinstance(value, str) and _JSON_TYPE.fullmatch(value.strip()) else "must be application/json: the data is JSON"


def _uri(name: str, value: Any) -> str:
    return "" if isinstance(value, str) and re.fullmatch(r"\S+", value) else "must be a URI"


CHECKS = {
    "specversion": _version, "id": _name, "source": _source, "type": _name, "subject": _name, "time": _time,
    "datacontenttype": _content_type, "dataschema": _uri,
}  # fmt: skip


def _from_base64(value: Any) -> Any:
    try:
        return json.loads(base64.b64decode(value, validate=True), parse_constant=_no_json)
    except (TypeError, ValueError, binascii.Error, RecursionError):
        raise Invalid(FieldError("data_base64", "is not JSON in base 64")) from None
