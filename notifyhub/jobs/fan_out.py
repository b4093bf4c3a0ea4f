from __future__ import annotations

import uuid
from contextlib import closing

from flask import current_app

from notifyhub import wake
from notifyhub.ahead import ahead
from notifyhub.announcements import fan_out
from notifyhub.database import clock, transaction
from notifyhub.jobs import Turn, job


@job("fan_out")
def run(announcement_id: str, number: int) -> None:
    """The next chunk is read while one is written."""
    id, turn = uuid.UUID(announcement_id), Turn("fan_out", alike=True)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    with closing(ahead(fan_out.read_chunks(app, id, number))) as chunks:
        for chunk in chunks:
            with transaction() as session:
                goes_on = fan_out.write_chunk(session, id, number, chunk, clock(session))
            if not goes_on:
                return
            if turn.is_over():
                wake.now("fan_out", announcement_id, number)
                return
