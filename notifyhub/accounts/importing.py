"""The import: NDJSON in, any length, in constant memory. Good lines are kept, the others come back with their reasons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError

from notifyhub import audit
from notifyhub.accounts.document import AccountDocument, read_account
from notifyhub.accounts.sync import sync
from notifyhub.ahead import ahead
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import FieldError, Invalid

CHUNK = {"postgresql": 4000, "sqlite": 1000}  # accounts a transaction; SQLite has one writer, which others wait for
LINE_BYTES = 4 * 1024 * 1024
MOST_REJECTIONS = 1000  # are named; all are counted


@dataclass
class Summary:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected_count: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, line: int, errors: Iterable[FieldError], note: str = "") -> None:
        for error in errors:
            self.rejected_count += 1
            if len(self.rejected) < MOST_REJECTIONS:
                self.rejected.append({"line": line, "field": error.field, "message": error.message + note})


def lines_of(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Lines of a stream, however long; one over the limit comes back cut, and is refused for that."""
    rest, skipping = b"", False
    while block := read(65536):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if not skipping:
                yield line
            skipping = False
        if len(rest) > LINE_BYTES:
            if not skipping:
                yield rest
            rest, skipping = b"", True
    if rest and not skipping:
        yield rest


def import_accounts(lines: Iterable[bytes], default_locale: str, seen: Callable[[int], None] = lambda count: None) -> Summary:
    """Commits chunk by chunk. `seen` is told how many bytes were worked through, after each chunk."""
    summary = Summary()
    with closing(ahead(_chunks(lines, CHUNK[db.engine.dialect.name], summary))) as chunks:
        for documents, size in chunks:
            for result in _synced(documents, default_locale):
                setattr(summary, result.outcome, getattr(summary, result.outcome) + 1)
            seen(size)
    with transaction() as session:
        counts = {name: getattr(summary, name) for name in ("created", "updated", "unchanged", "rejected_count")}
        audit.record(session, "accounts.imported", "accounts", **counts)
    return summary


def _chunks(lines: Iterable[bytes], most: int, summary: Summary) -> Iterator[tuple[list[AccountDocument], int]]:
    """Documents to sync in one go, in which no account stands twice; and how many bytes were read up to there."""
    chunk: dict[str, AccountDocument] = {}
    size = 0
    for number, line in enumerate(lines, 1):
        if number % 25 == 0:
            time.sleep(0)  # under gevent, whoever syncs the chunk before goes on as soon as the database has answered
        if document := _document(number, line, summary):
            if document.external_id in chunk or len(chunk) >= most:
                yield list(chunk.values()), size
                chunk = {}
            chunk[document.external_id] = document
        size += len(line) + 1
    yield list(chunk.values()), size


def _document(number: int, line: bytes, summary: Summary) -> AccountDocument | None:
    if not line or line.isspace():
        return None
    try:
        document = read_line(line)
    except Invalid as error:
        summary.reject(number, error.errors)
        return None
    summary.reject(number, document.dropped, "; the account is kept without it")
    return document


def read_line(line: bytes) -> AccountDocument:
    """Raises Invalid."""
    if len(line) > LINE_BYTES:
        raise Invalid(FieldError("", f"the line is longer than {LINE_BYTES:,} bytes"))
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Invalid(FieldError("", f"is not JSON: {error}")) from None
    return read_account(document)


def _synced(documents: list[AccountDocument], default_locale: str) -> list[Any]:
    for attempt in (1, 2, 3):
        try:
            with transaction() as session:
                return sync(session, documents, default_locale, utcnow())
        except IntegrityError:  # another import made one of these accounts at this moment; now it is there
            if attempt == 3:
                raise
    raise AssertionError
