from __future__ import annotations

import asyncio

import uvloop
from flask import current_app

from notifyhub import drain, wake
from notifyhub.jobs import Turn, job


@job("drain")
def run() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        finished = runner.run(drain.drain(current_app.extensions["settings"], "email", Turn("drain").is_over))
    if not finished:
        wake.now("drain")
