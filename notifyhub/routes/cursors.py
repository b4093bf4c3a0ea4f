"""Cursors of lists that are ordered by a number first, then by time."""

from __future__ import annotations

import uuid
from datetime import datetime

from notifyhub.errors import FieldError, Invalid
from notifyhub.languages import N_
from notifyhub.routes.api.base import read_cursor, write_cursor

WRONG = N_("This address leads to no page of the list. Start again from its first page.")


def write(number: int, at: datetime, id: uuid.UUID) -> str:
    return f"{int(number)}.{write_cursor(at, id)}"


def read(text: str | None) -> tuple[int, datetime, uuid.UUID] | None:
    """Raises Invalid."""
    if text is None:
        return None
    number, _, rest = text.partition(".")
    try:
        place = read_cursor(rest) if len(number) == 1 and number in "0123456789" else None
    except Invalid:
        place = None
    if place is None:
        raise Invalid(FieldError("cursor", WRONG), message=WRONG)
    return int(number), *place
