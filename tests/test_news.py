"""Hints to look again, for whoever follows something by its name."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from notifyhub import wake
from notifyhub.database import db, transaction
from notifyhub.news import News
from tests.conftest import Templates

Hints = queue.Queue[dict[str, Any]]


@pytest.fixture
def database_url(templates: Templates) -> str:
    return templates.copy("sqlite")


def tell(*followed: int | str) -> None:
    with transaction() as session:
        wake.news_after_commit(session, followed)


@pytest.fixture
def queue_of_tickets(app: Flask) -> Iterator[Hints]:
    news: News = app.extensions["news"]
    with news.follow("tickets") as hints:
        hints.get(timeout=5)  # to be told of everything from now on is a hint itself
        yield hints


def test_each_follower_hears_of_what_it_follows_alone(app: Flask, queue_of_tickets: Hints) -> None:
    news: News = app.extensions["news"]
    with news.follow(7) as inbox:
        tell("tickets", "ticket:1", 8)
        assert queue_of_tickets.get(timeout=5) == {"new": True}
        tell(7)
        assert inbox.get(timeout=5) == {"new": True}
        assert queue_of_tickets.empty()


def test_what_is_rolled_back_is_no_news(queue_of_tickets: Hints) -> None:
    session = db.session()
    wake.news_after_commit(session, ("tickets",))
    session.execute(text("SELECT 1"))
    session.rollback()
    session.execute(text("SELECT 1"))
    session.commit()
    with pytest.raises(queue.Empty):
        queue_of_tickets.get(timeout=0.3)
