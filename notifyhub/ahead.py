"""Reads ahead: one thread makes what another one uses."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

DEPTH = 2  # items that may wait


def ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """The same items, made in a thread (a greenlet under gevent) while the caller waits for something else, such as a database.

    What making them raises, is raised here. Close it (contextlib.closing), or the thread goes on waiting.
    """
    made: queue.Queue[tuple[str, Any]] = queue.Queue(DEPTH)
    stopped = threading.Event()

    def put(word: str, value: Any) -> bool:
        while not stopped.is_set():
            try:
                made.put((word, value), timeout=0.5)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for item in items:
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:
            put("raised", error)

    threading.Thread(target=make, name="ahead", daemon=True).start()
    try:
        while True:
            word, value = made.get()
            if word == "end":
                return
            if word == "raised":
                raise value
            yield value
    finally:
        stopped.set()
