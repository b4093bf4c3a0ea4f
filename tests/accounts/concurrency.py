"""Several callers at the same moment, each with a connection of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from flask import Flask
from sqlalchemy import text

from notifyhub.database import db
from tests.conftest import Api

T = TypeVar("T")


def at_once(app: Flask, *calls: Callable[[Api], T]) -> list[T]:
    """What each answered, in the order of `calls`."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[Api], T]) -> T:
        with app.app_context():
            api = Api(app.test_client())
            ready.wait()
            return call(api)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def meanwhile(app: Flask, call: Callable[[Api], T]) -> Future[T]:
    """Starts it in a thread and waits until it hangs at a lock of the caller's transaction (PostgreSQL)."""
    pool = ThreadPoolExecutor(1)

    def run() -> T:
        with app.app_context():
            return call(Api(app.test_client()))

    future = pool.submit(run)
    pool.shutdown(wait=False)
    with db.engine.connect() as connection:
        waiting = text("SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database OR database IS NULL "
                       "WHERE NOT granted AND d.datname = current_database()")  # fmt: skip
        deadline = time.monotonic() + 5
        while not connection.execute(waiting).scalar() and not future.done():
            assert time.monotonic() < deadline, "it neither ended nor waited"
            time.sleep(0.01)
            connection.rollback()
    return future
