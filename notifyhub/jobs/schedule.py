"""Asks for the sweep, again and again. Any number of these may run: the sweep may run twice.

RQ's own scheduler is not used: it enqueues what our JSON queues cannot read.
"""

from __future__ import annotations

import time

from flask import Flask

from notifyhub import stopping, wake

SWEEP_EVERY = 5.0  # seconds


def run(app: Flask) -> None:
    stopping.watch()
    with app.app_context():
        while not stopping.stopping():
            wake.seen("scheduler")
            wake.now("sweep")
            _sleep(SWEEP_EVERY)


def _sleep(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stopping.stopping():
        time.sleep(0.2)
