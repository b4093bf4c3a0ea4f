"""From a publication to its recipients: chunk by chunk, each in one transaction that also moves the cursor.

Those rows are the frozen audience. Killed and run again, it goes on after the last chunk that was committed; of two at once, one
gives way, since whoever writes a chunk holds the revision's row and finds the cursor where its chunk begins.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import dispatch, recipients, wake
from notifyhub.announcements import audience
from notifyhub.database import Encoded, reading
from notifyhub.kinds import KINDS
from notifyhub.models import Revision

FIRST_CHUNK = 500  # small, so that the first ones hear of it at once; the following ones grow
AT_ONCE = 500  # accounts that are told by the publication itself
FULL_CHUNK = {"postgresql": 3_000, "sqlite": 2_000}  # SQLite has one writer, which others wait for


class Chunk(NamedTuple):
    """The next accounts of an audience, with all that routing asks for."""

    after: int  # the cursor that it begins at
    account_ids: list[int]
    loaded: list[recipients.Loaded]
    services: dict[int, Encoded]
    last: bool


def begin(session: Session, revision: Revision, concerned: audience.Audience, few: list[int] | None, now: datetime) -> None:
    """Within the publication's transaction, with a revision that has no row yet. Few accounts (their ids) are told by it, so that
    something urgent waits for no worker."""
    if few is None:
        wake.after_commit(session, "fan_out", str(revision.announcement_id), revision.number)
    else:
        _tell(session, revision, _chunk(session, revision, concerned, revision.cursor, few, last=True), now)


def read_chunks(app: Flask, announcement_id: uuid.UUID, number: int) -> Iterator[Chunk]:
    """From where the cursor stands to the end of the audience. For a thread of its own: brings its own session."""
    with app.app_context():
        with reading() as session:
            revision = session.get_one(Revision, (announcement_id, number))
            cursor, done = revision.cursor, revision.fanned_out
            session.expunge(revision)
        while True:
            with reading() as session:
                chunk = read_chunk(session, revision, cursor, _size(session, done))
            yield chunk
            if chunk.last:
                return
            cursor, done = chunk.account_ids[-1], done + len(chunk.account_ids)


def _size(session: Session, done: int) -> int:
    return min(max(FIRST_CHUNK, done * 4), FULL_CHUNK[session.get_bind().dialect.name])


def read_chunk(session: Session, revision: Revision, after: int, size: int) -> Chunk:
    concerned = audience.Audience.of(session, revision.audience)
    audience.prepare_walk(session, revision.accounts, revision.last_account_id)
    ids = audience.next_accounts(session, concerned, after, revision.last_account_id, size)
    return _chunk(session, revision, concerned, after, ids, last=len(ids) < size)


def _chunk(session: Session, revision: Revision, concerned: audience.Audience, after: int, ids: list[int], last: bool) -> Chunk:
    loaded = recipients.load(session, ids, _telling(revision).question())
    return Chunk(after, ids, loaded, audience.affected_services(session, concerned, ids), last)


def _telling(revision: Revision) -> dispatch.Telling:
    return dispatch.Telling(KINDS[revision.kind], "announcement", str(revision.announcement_id), revision.number)


def write_chunk(session: Session, announcement_id: uuid.UUID, number: int, chunk: Chunk, now: datetime) -> bool:
    """Answers whether there is more to do, for this caller."""
    revision = session.execute(
        select(Revision)
        .where(Revision.announcement_id == announcement_id, Revision.number == number, Revision.fanned_out_at.is_(None))
        .with_for_update(skip_locked=True)
    ).scalar()
    if revision is None or revision.cursor != chunk.after:
        return False
    _tell(session, revision, chunk, now)
    return not chunk.last


def _tell(session: Session, revision: Revision, chunk: Chunk, now: datetime) -> None:
    if chunk.loaded:
        revision.fanned_out += dispatch.record(session, _telling(revision), chunk.loaded, chunk.services, now)
        revision.cursor = chunk.account_ids[-1]
    if chunk.last:
        revision.fanned_out_at = now
        wake.after_commit(session, "drain")


def unfinished(session: Session) -> list[tuple[uuid.UUID, int]]:
    rows = session.execute(select(Revision.announcement_id, Revision.number).where(Revision.fanned_out_at.is_(None)))
    return [(announcement_id, number) for announcement_id, number in rows]
