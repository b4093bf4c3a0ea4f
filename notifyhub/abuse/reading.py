"""XARF 4, the eXtended Abuse Reporting Format, by the schemas of the `xarf` package.

Its validator is used and not its parse(): that goes on without a report where the package's own models are stricter than the
schemas (a confidence of 0.85), and turns XARF 3 into reports with another id each time, of which none is ever a repeated one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import xarf

from notifyhub.abuse import harmless, mails
from notifyhub.abuse.report import Report
from notifyhub.emails import parse_email
from notifyhub.errors import FieldError, Invalid
from notifyhub.networks import parse_network
from notifyhub.words import one_line

T = TypeVar("T")

MOST_VALUES = 20_000  # of a document; the validator looks at each of them
MOST_ERRORS = 20
MOST_FACTS = 60
FACT_CHARACTERS = 500
IDENTIFIER_CHARACTERS = 255

# of what all reports have in common: what says something about the incident beside its address, time and type
TOLD = ("report_id", "evidence_source", "source_port", "confidence", "tags")
TEXTS = ("application/json", "application/xml", "application/x-ndjson", "message/")
MAILS = ("message/rfc822", "text/email")
SEALED = ("content/csam", "content/csem")  # nobody may pass these on, be it as text
MISSING = re.compile(r"'(\w+)' is a required property")


def read(document: Any) -> Report:
    """Raises Invalid, with every field that is wrong."""
    errors = _errors(document)
    wrong = {error.field for error in errors}

    def parsed(field: str, parse: Callable[[str], T]) -> T | None:
        try:
            return parse(_at(document, field)) if not wrong & {field, field.partition(".")[0]} else None
        except ValueError as error:
            errors.append(FieldError(field, str(error)))
            return None

    organisation = parsed("reporter.org", lambda text: one_line(text, 200, 1))
    contact = parsed("reporter.contact", parse_email)
    domain = parsed("reporter.domain", lambda text: one_line(text, 253, 1))
    occurred_at = parsed("timestamp", _time)
    address = parsed("source_identifier", _identifier)
    if errors or organisation is None or contact is None or domain is None or address is None:
        raise Invalid(*errors[:MOST_ERRORS])
    return Report(
        format="xarf",
        key=_key(document["report_id"], contact.key, domain),
        type=f"{document['category']}/{document['type']}",
        reporter=harmless.one_line(f"{organisation} ({domain})"),
        contact=contact.address,
        address=address,
        occurred_at=occurred_at,
        evidence=harmless.gathered(_evidence(document)),
    )


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document[name]
    return document


# --- whether it is one ------------------------------------------------------------------------------------------------


def _errors(document: Any) -> list[FieldError]:
    """By its schema. Raises Invalid where it has none."""
    if not isinstance(document, dict):
        raise Invalid(FieldError("", "must be an object: a report in XARF 4"))
    if "xarf_version" not in document and "Version" in document:
        raise Invalid(FieldError("xarf_version", "is missing: this looks like XARF 3; XARF 4 is read"))
    if _has_more_values(document, MOST_VALUES):
        raise Invalid(FieldError("", f"has more than {MOST_VALUES:,} values"))
    category, type = document.get("category"), document.get("type")
    if isinstance(category, str) and isinstance(type, str):
        _check_type(category, type)
    found = xarf.schema_validator.validate(document)
    return list(dict.fromkeys(map(_error, found)))


def _has_more_values(document: Any, most: int) -> bool:
    waiting, count = [document], 0
    while waiting and count <= most:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return count > most


def _check_type(category: str, type: str) -> None:
    """The schema would answer with the whole document."""
    known = xarf.schema_registry.get_all_types()
    if category not in known:
        raise Invalid(FieldError("category", f"must be one of {', '.join(sorted(known))}"))
    if type not in known[category]:
        raise Invalid(FieldError("type", f"must be one of {', '.join(sorted(known[category]))} in the category {category}"))


def _error(found: xarf.ValidationError) -> FieldError:
    if missing := MISSING.fullmatch(found.message):
        return FieldError(f"{found.field}.{missing[1]}".lstrip("."), "is required")
    value = repr(found.value)
    what = "the report" if not found.field else value if len(value) <= 60 else f"{value[:60]}…"
    why = found.message.removeprefix(value)
    message = why if why == found.message else f"{what}{why}"  # the validator begins with the value, however long it is
    return FieldError(harmless.plain(found.field, 200), harmless.plain(message, 300))


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a time such as 2027-03-28T00:30:00+00:00") from None
    if time.tzinfo is None:
        raise ValueError("has no offset; write it as 2027-03-28T00:30:00+00:00")
    if not 2000 <= time.year < 2200:
        raise ValueError("is not in the years 2000 to 2199")
    return time.astimezone(UTC)


def _identifier(text: str) -> str:
    """An IP address or prefix in its plain spelling; what is none stays what it is, and is nobody's."""
    text = one_line(text, IDENTIFIER_CHARACTERS, 1)
    try:
        return str(parse_network(text.removeprefix("[").removesuffix("]")))
    except ValueError:
        return harmless.one_line(text)


def _key(report_id: str, *reporter: str) -> str:
    words = [word.casefold() for word in (report_id, *reporter)]
    return f"xarf:{hashlib.sha256(json.dumps(words).encode()).hexdigest()}"


# --- what of it is shown ----------------------------------------------------------------------------------------------


def _evidence(document: Mapping[str, Any]) -> Iterator[str]:
    if description := document.get("description"):
        yield from (description, "")
    for _, line in zip(range(MOST_FACTS), _facts(document), strict=False):
        yield line
    sealed = f"{document['category']}/{document['type']}" in SEALED
    for item in document.get("evidence", ()):
        yield ""
        yield from _item(item, sealed)


def _facts(document: Mapping[str, Any]) -> Iterator[str]:
    """What the report says besides, by the names that its schema gives it. `_internal` is the reporter's own."""
    common = xarf.schema_registry.get_core_property_names()
    own = {name: value for name, value in document.items() if name not in common}
    for name, value in ({name: document[name] for name in TOLD if name in document} | own).items():
        yield from _fact(name, value)


def _fact(name: str, value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict) and depth < 3:
        for inner, of in value.items():
            yield from _fact(f"{name}/{inner}", of, depth + 1)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value) and depth < 3:
        for item in value:
            yield from _fact(name, item, depth + 1)
    else:
        spelled = ", ".join(map(_spelled, value)) if isinstance(value, list) else _spelled(value)
        yield f"{harmless.plain(name, 80)}: {harmless.plain(spelled, FACT_CHARACTERS)}"


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _item(item: Mapping[str, Any], sealed: bool) -> Iterator[str]:
    claimed, octets, name = mails.content_type(item["content_type"]), _octets(item["payload"]), item.get("description", "")
    media_type = claimed.get_content_type()
    if sealed or not media_type.startswith(("text/", *TEXTS)):
        yield mails.not_shown(media_type, len(octets), name)
        return
    if name:
        yield f"{name}:"
    if media_type in MAILS:
        try:
            yield from mails.lines(mails.parse(octets))
            return
        except ValueError:
            pass  # then it is a text like any other
    yield mails.shown_text(octets[: mails.TEXT_BYTES], media_type, mails.charset(claimed))


def _octets(payload: str) -> bytes:
    """Base 64; as it is written where it is not, as some send it."""
    written = payload.encode("utf-8", "replace")
    try:
        return base64.b64decode(b"".join(written.split()), validate=True)
    except ValueError:
        return written
