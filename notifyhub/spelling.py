"""What a notification is about, spelled out for a reader by the names that its values have.

    amount     money, in the currency that stands beside it
    …_on       a date: "2026-12-01"
    …_at       a moment, in the reader's zone and in UTC: "2026-12-01T09:30:00+00:00"
    what       in the reader's language, where it is a type of abuse that has a name (labels.py); else as it is
    …_markdown text of several paragraphs, as staff write it, and the safe HTML of it
    a number, a text, a list of such values: as they are

A text of ours that has more to say where something is known asks by the names of its sections: with_NAME, without_NAME, and
NAME_is_VALUE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from babel.support import NullTranslations

from notifyhub import labels, windows
from notifyhub.markdown import printable, to_html, to_text

MARKED_UP = "_markdown"
_CONDITION = re.compile(r"with_(?P<known>\w+)|without_(?P<unknown>\w+)|(?P<name>\w+?)_is_(?P<value>\w+)")
CONDITION_NAMES = r"with_[a-z_]+|without_[a-z_]+|[a-z_]+_is_[a-z_]+"


class Formatted(str):
    """Plain text, with the safe HTML that stands for it."""

    html: str


def formatted(markdown: str) -> Formatted:
    html = to_html(markdown, line_breaks=True)
    text = Formatted(to_text(html) if html else "")
    text.html = html
    return text


def spelled(data: Mapping[str, Any], time_zone: str, formats: Locale, words: NullTranslations) -> dict[str, Any]:
    """Text for each value, and rows of them for each list. What is not known is left out."""
    values: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, list):
            if rows := [spelled(row, time_zone, formats, words) for row in value if isinstance(row, dict)]:
                values[name] = rows
        elif text := _spelled(name, value, data, time_zone, formats, words):
            values[name] = text
    return values


def _spelled(name: str, value: Any, beside: Mapping[str, Any], time_zone: str, formats: Locale, words: NullTranslations) -> str:
    if isinstance(value, int):
        return str(format_decimal(value, locale=formats))
    if not isinstance(value, str):
        return ""
    if name == "amount":
        return money(value, beside["currency"], formats)
    if name.endswith("_on"):
        return format_date(date.fromisoformat(value), "long", formats)
    if name.endswith("_at"):
        return windows.moment(datetime.fromisoformat(value), time_zone, formats, words)
    if name == "what" and value in labels.ABUSE_TYPES:
        return words.gettext(labels.ABUSE_TYPES[value])
    if name.endswith(MARKED_UP):
        return formatted(value)
    return printable(value).strip()


def money(amount: str, currency: str, formats: Locale) -> str:
    """`amount`: a decimal, such as 12.50."""
    return str(format_currency(Decimal(amount), currency, locale=formats))


def conditions(sections: Iterable[str], data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Whether each of these sections is there; in it stands whatever stands outside. One that is no condition is a list."""
    inside = [dict(values)]
    return {name: inside if _holds(name, data, values) else () for name in sections if name not in values}


def _holds(section: str, data: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    condition = _CONDITION.fullmatch(section)
    if condition is None:
        return False
    if condition["known"]:
        return condition["known"] in values
    if condition["unknown"]:
        return condition["unknown"] not in values
    return bool(data.get(condition["name"]) == condition["value"])
