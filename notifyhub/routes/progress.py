"""How far something has come, told as server-sent events until it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, stream_with_context
from flask import json as flask_json
from sqlalchemy.orm import Session

from notifyhub.database import db, reading
from notifyhub.stopping import stopping

EVERY = 1.0  # seconds
SILENCE = 15.0  # after so many seconds without news, a comment keeps proxies from closing the line


def stream(read: Callable[[Session], tuple[Any, bool]]) -> Response:
    """`read` answers what there is to say, and whether it is the last of it. It may not use what another session loaded."""
    db.session.remove()  # nothing is held while nothing happens
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(stream_with_context(_events(read)), mimetype="text/event-stream", headers=headers)


def _events(read: Callable[[Session], tuple[Any, bool]]) -> Iterator[str]:
    last, spoken = None, time.monotonic()
    while not stopping():
        with reading() as session:
            now, over = read(session)
        db.session.remove()
        if now is not None and now != last:
            yield f"event: progress\ndata: {flask_json.dumps(now)}\n\n"
            last, spoken = now, time.monotonic()
        elif time.monotonic() - spoken > SILENCE:
            yield ": still here\n\n"
            spoken = time.monotonic()
        if over:
            return
        time.sleep(EVERY)
