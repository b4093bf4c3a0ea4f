"""What workers run: a few lines each, taking ids. A job is a wake-up that does many rows of work, never one."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from notifyhub import wake
from notifyhub.database import db
from notifyhub.stopping import stopping

TURN_SECONDS = 0.1  # while others wait, which may be urgent: with a single worker, the first mails leave before the fan-out is done
LONGEST_SECONDS = 30.0


class Turn:
    """How long a job may go on before a fresh one takes over, behind whatever waits."""

    def __init__(self, name: str, alike: bool = False) -> None:
        """`alike`: it gives way to others of its own name too, which are about something else."""
        self.name, self.alike, self.began = name, alike, time.monotonic()
        self.looked = self.began
        wake.running(name)  # from the start: who looks in the first second must not take it for waiting

    def is_over(self) -> bool:
        now = time.monotonic()
        if stopping() or now - self.began > LONGEST_SECONDS:
            return True
        if now - self.looked < TURN_SECONDS:
            return False
        self.looked = now
        return wake.others_wait(self.name, self.alike)


def job(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Work that comes from the moment a job starts gets a job of its own."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*ids: Any) -> None:
            wake.started(name, *ids)
            try:
                function(*ids)
            finally:
                wake.stopped(name)
                db.session.remove()

        return run

    return decorate
