"""What pages follow: looked at when a hint says so, and told when it changed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from notifyhub import wake
from notifyhub.database import db, transaction
from notifyhub.routes import progress
from tests.conftest import Templates


@pytest.fixture
def database_url(templates: Templates) -> str:
    return templates.copy("sqlite")


class Counter:
    """What is followed: a number that somebody raises. At nine it is over."""

    def __init__(self) -> None:
        self.number = self.looks = 0

    def read(self, _: Session) -> tuple[Any, bool]:
        self.looks += 1
        return {"number": self.number}, self.number == 9


def hint(what: str) -> None:
    with transaction() as session:
        wake.news_after_commit(session, (what,))
    db.session.remove()


def events(app: Flask, counter: Counter) -> queue.Queue[str]:
    """Of a stream that another thread reads until it ends."""
    found: queue.Queue[str] = queue.Queue()

    def run() -> None:
        with app.test_request_context():
            parts: Iterator[Any] = iter(progress.follow("counter", counter.read).response)  # type: ignore[arg-type]
            for part in parts:
                found.put(str(part))
            found.put("over")

    threading.Thread(target=run, daemon=True).start()
    return found


def test_it_says_how_things_stand_and_then_what_changed(app: Flask) -> None:
    counter = Counter()
    found = events(app, counter)
    assert found.get(timeout=5) == 'event: progress\ndata: {"number": 0}\n\n'
    counter.number = 1
    hint("counter")
    assert found.get(timeout=5) == 'event: progress\ndata: {"number": 1}\n\n'
    counter.number = 9
    hint("counter")
    assert [found.get(timeout=5) for _ in range(2)] == ['event: progress\ndata: {"number": 9}\n\n', "over"]


def test_it_looks_at_what_was_hinted_at_alone(app: Flask) -> None:
    counter = Counter()
    found = events(app, counter)
    found.get(timeout=5)
    hint("something else")
    with pytest.raises(queue.Empty):
        found.get(timeout=1.5)
    assert counter.looks <= 2  # being told of everything from the first look on may count as a hint
    counter.number = 9
    hint("counter")
    assert found.get(timeout=5)
