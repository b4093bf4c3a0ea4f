"""Fields of documents that others send, as marshmallow schemas describe and check them."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import marshmallow as ma
from babel.core import get_global
from babel.numbers import get_currency_precision
from marshmallow import fields

from notifyhub import files
from notifyhub.errors import FieldError
from notifyhub.markdown import printable as without_controls
from notifyhub.words import many_lines, one_line


class Schema(ma.Schema):
    error_messages = {"unknown": "unknown field", "type": "must be an object"}  # noqa: RUF012


def flattened(messages: Any, path: str = "") -> list[FieldError]:
    if isinstance(messages, Mapping):
        return [
            error
            for name, inner in messages.items()
            for error in flattened(inner, path if name == "_schema" else f"{path}.{name}".lstrip("."))
        ]
    return [FieldError(printable(path), str(message)) for message in (messages if isinstance(messages, list) else [messages])]


def printable(text: str) -> str:
    return text[:200].encode("utf-8", "backslashreplace").decode()


# --- texts ------------------------------------------------------------------------------------------------------------


class Text(fields.String):
    """A string that is checked, and perhaps tidied, on its way in."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        text = super()._deserialize(value, attr, data, **options)
        try:
            return self.read(str(text))
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None

    def read(self, text: str) -> Any:
        """Raises ValueError with a sentence."""
        raise NotImplementedError


class Line(Text):
    """One line of text without control characters."""

    def __init__(self, most: int = 200, least: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.most, self.least = most, least
        self.metadata = {"minLength": least, "maxLength": most, **self.metadata}

    def read(self, text: str) -> Any:
        return one_line(text, self.most, self.least)


class Lines(Line):
    """Several lines."""

    def read(self, text: str) -> Any:
        return many_lines(text, self.most, self.least)


class Verbatim(Line):
    """What somebody else wrote, such as evidence: control characters are left out instead of refused."""

    def read(self, text: str) -> Any:
        return many_lines(without_controls(text), self.most, self.least)


class Address(Text):
    """An IP address, as it is usually written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.metadata = {"example": "203.0.113.7", **self.metadata}

    def read(self, text: str) -> Any:
        try:
            return str(ipaddress.ip_address(text.strip()))
        except ValueError:
            raise ValueError("is not an IP address") from None


_LINK = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)


class Link(Line):
    """An address of the web."""

    def __init__(self, **options: Any) -> None:
        super().__init__(2000, 1, **options)
        self.metadata = {"format": "uri", "pattern": "^https?://", **self.metadata}

    def read(self, text: str) -> Any:
        link = super().read(text)
        if not _LINK.fullmatch(link):
            raise ValueError("is not an address that begins with https:// or http://")
        return link


class ByName(fields.Dict):
    """A dictionary whose errors are named by its keys alone."""

    def _deserialize(self, *values: Any, **options: Any) -> Any:
        try:
            return super()._deserialize(*values, **options)
        except ma.ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            raise ma.ValidationError({name: wrong.get("key") or wrong.get("value") for name, wrong in error.messages.items()}) from None


# --- times ------------------------------------------------------------------------------------------------------------


class Time(fields.AwareDateTime):
    """RFC 3339 with an offset."""

    default_error_messages = {  # noqa: RUF012
        "invalid": "is not a time such as 2027-03-28T00:30:00+00:00",
        "invalid_awareness": "has no offset; write it as 2027-03-28T00:30:00+00:00",
        "far": "is not in the years 2000 to 2199",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> datetime:
        time = super()._deserialize(value, attr, data, **options)
        if not 2000 <= time.year < 2200:  # near the ends of the calendar no other zone can show it
            raise self.make_error("far")
        return time.astimezone(UTC)


class Moment(Time):
    """The same, as JSON keeps it."""

    def _deserialize(self, *values: Any, **options: Any) -> Any:
        return super()._deserialize(*values, **options).isoformat()


_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)  # ISO 8601 has more ways to write one


class Day(Text):
    """A date, as JSON keeps it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.metadata = {"format": "date", **self.metadata}

    def read(self, text: str) -> Any:
        try:
            if not _DAY.fullmatch(text) or not 2000 <= date.fromisoformat(text).year < 2200:
                raise ValueError
        except ValueError:
            raise ValueError("is not a date such as 2026-12-01, in the years 2000 to 2199") from None
        return text


# --- money ------------------------------------------------------------------------------------------------------------

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)


@cache
def currencies() -> frozenset[str]:
    """ISO 4217 codes of the money that is used somewhere today."""
    used = get_global("territory_currencies").values()
    return frozenset(code for of_territory in used for code, _, ended, is_tender in of_territory if ended is None and is_tender)


class Amount(Text):
    """A decimal as a string, which no reader rounds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages = self.error_messages | {"invalid": 'must be a decimal as a string, such as "12.50"'}
        self.metadata = {"pattern": f"^{_AMOUNT.pattern}$", "example": "12.50", **self.metadata}

    def read(self, text: str) -> Any:
        if not _AMOUNT.fullmatch(text):
            raise ValueError('is not a decimal such as "12.50"')
        return text


class Currency(Text):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.metadata = {"pattern": "^[A-Z]{3}$", "example": "EUR", "description": "ISO 4217", **self.metadata}

    def read(self, text: str) -> Any:
        if text not in currencies():
            raise ValueError("is not the ISO 4217 code of a currency in use, such as EUR")
        return text


class Money(Schema):
    amount = Amount(required=True)
    currency = Currency(required=True)

    @ma.validates_schema
    def _check_digits(self, data: dict[str, Any], **_: Any) -> None:
        check_digits(data["amount"], data["currency"])


def check_digits(amount: str, currency: str) -> None:
    """Raises ValidationError where it is finer than that money."""
    digits = get_currency_precision(currency)
    if -Decimal(amount).as_tuple().exponent > digits:  # type: ignore[operator]
        raise ma.ValidationError(f"has more digits after the point than {currency} has: {digits}", "amount")


# --- files ------------------------------------------------------------------------------------------------------------


class File(fields.String):
    """A file in base 64; what it is, its content says. Gives a files.Checked without a name of its own."""

    def __init__(self, allowed: Collection[str], most: int, **options: Any) -> None:
        super().__init__(**options)
        self.allowed, self.most = allowed, most
        characters = -(-most // 3) * 4
        said = f"{', '.join(sorted(allowed))} in base 64, at most {most:,} bytes; its content is looked at"
        self.metadata = {"contentEncoding": "base64", "maxLength": characters, "description": said, **self.metadata}

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        text = "".join(super()._deserialize(value, attr, data, **options).split())
        try:
            content = base64.b64decode(text.encode("ascii"), validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise ma.ValidationError("is not base 64, or was cut off") from None
        try:
            return files.check("", content, self.allowed, self.most)
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None
