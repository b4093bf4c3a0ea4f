"""How something stands, told as server-sent events whenever that changes, until it is over."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response, current_app, stream_with_context
from flask import json as flask_json
from sqlalchemy.orm import Session

from notifyhub.database import db, reading
from notifyhub.news import News
from notifyhub.stopping import stopping

EVERY = 1.0  # seconds
SILENCE = 15.0  # after so many seconds without news, a comment keeps proxies from closing the line
LOOK_AGAIN = 20.0  # seconds without a hint: one may have been lost

Read = Callable[[Session], tuple[Any, bool]]


def stream(read: Read) -> Response:
    """Looks every second. `read` answers what there is to say, and whether it is the last of it. It may not use what another session
    loaded."""
    return _answer(_events(read, _every_second))


def follow(what: str, read: Read) -> Response:
    """The same for what says when it changes: `what` is its name there (wake.news_after_commit)."""
    return _answer(_followed(what, read))


def _answer(events: Iterator[str]) -> Response:
    db.session.remove()  # nothing is held while nothing happens
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(stream_with_context(events), mimetype="text/event-stream", headers=headers)


def _events(read: Read, wait: Callable[[], bool]) -> Iterator[str]:
    """`wait` takes a second at most, and answers whether to look."""
    last, spoken, look = None, time.monotonic(), True
    while not stopping():
        over = False
        if look:
            with reading() as session:
                now, over = read(session)
            db.session.remove()
            if now is not None and now != last:
                yield f"event: progress\ndata: {flask_json.dumps(now)}\n\n"
                last, spoken = now, time.monotonic()
        if over:
            return
        if time.monotonic() - spoken > SILENCE:
            yield ": still here\n\n"
            spoken = time.monotonic()
        look = wait()


def _every_second() -> bool:
    time.sleep(EVERY)
    return True


def _followed(what: str, read: Read) -> Iterator[str]:
    news: News = current_app.extensions["news"]
    with news.follow(what) as hints:
        looked = time.monotonic()

        def wait() -> bool:
            nonlocal looked
            hinted = _hinted(hints)
            if hinted or time.monotonic() - looked > LOOK_AGAIN:
                looked = time.monotonic()
                return True
            return False

        yield from _events(read, wait)


def _hinted(hints: queue.Queue[dict[str, Any]]) -> bool:
    """Many at once are one."""
    try:
        hints.get(timeout=EVERY)
    except queue.Empty:
        return False
    with contextlib.suppress(queue.Empty):
        while True:
            hints.get_nowait()
    return True
