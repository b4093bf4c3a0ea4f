"""Lists in pages: the cursor in an address, and the address of the next page."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import request, url_for

from notifyhub.errors import FieldError, Invalid
from notifyhub.routes.api.base import read_cursor, write_cursor
from notifyhub.routes.cursors import WRONG

T = TypeVar("T")

PAGE = 50
FIRST_ROWS = 20  # of each list, where a page has several
MOST_ID = 2**63 - 1


def before_id() -> int | None:
    """Raises Invalid."""
    text = request.args.get("cursor")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= MOST_ID):
        raise wrong_cursor()
    return int(text)


def before_time() -> tuple[datetime, uuid.UUID] | None:
    """Raises Invalid."""
    try:
        return read_cursor(request.args.get("cursor"))
    except Invalid:
        raise wrong_cursor() from None


def before_entry() -> tuple[datetime, int] | None:
    """Of a list whose ids are numbers. Raises Invalid."""
    text = request.args.get("cursor")
    if text is None:
        return None
    try:
        time, id = text.split("~")
        at = datetime.fromisoformat(time)
        if at.tzinfo is None or not (id.isascii() and id.isdecimal() and int(id[:20]) <= MOST_ID):
            raise ValueError
        return at.astimezone(UTC), int(id)
    except (ValueError, OverflowError):
        raise wrong_cursor() from None


def entry_cursor(at: datetime, id: int) -> str:
    return f"{at.isoformat()}~{id}"


def wrong_cursor() -> Invalid:
    return Invalid(FieldError("cursor", WRONG), message=WRONG)


def cut(items: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """`items` holds one more than `limit` where there is a next page: those of this page, and its last one if so."""
    return items[:limit], items[limit - 1] if len(items) > limit else None


def time_cursor(last: Any, at: str) -> str | None:
    return write_cursor(last[at], last["id"]) if last else None


def next_url(endpoint: str, cursor: Any, **values: Any) -> str | None:
    """With the filters that this page has."""
    if cursor is None:
        return None
    kept = {name: value for name, value in request.args.items() if name != "cursor" and value}
    return url_for(endpoint, **{**kept, **values, "cursor": cursor})
