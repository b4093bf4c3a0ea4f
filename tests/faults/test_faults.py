"""One part at a time is away: nothing is lost, nothing is half-written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from notifyhub import database, wake
from notifyhub.database import db, reading
from notifyhub.models import Announcement, Idempotency
from tests.announcements.steps import drafted, mails, published, told
from tests.builders import account, draft
from tests.conftest import Api
from tests.smtp import Server


def use_redis(app: Flask, url: str) -> None:
    app.extensions["settings"] = replace(app.extensions["settings"], redis_url=url)
    wake.init_app(app)


def test_without_valkey_a_publication_is_accepted_and_delivered_later(app: Flask, api: Api, work: Callable[[], None], smtp: Server) -> None:
    url = app.extensions["settings"].redis_url
    api.put("/v1/accounts/C-1", account())
    use_redis(app, "unix:///nowhere/at/all")
    published(api)
    use_redis(app, url)
    wake.now("sweep")
    work()
    assert [mail.to for mail in smtp.mails] == ["owner@one.example"]


def test_a_relay_that_was_away_gets_its_mails_when_it_is_back(app: Flask, api: Api, work: Callable[[], None], smtp: Server) -> None:
    settings = app.extensions["settings"]
    app.extensions["settings"] = replace(settings, relay=replace(settings.relay, port=1))
    api.put("/v1/accounts/C-1", account())
    published(api)
    work()
    assert (smtp.mails, mails("state", "tries")) == ([], [("owner@one.example", "queued", 0)])
    app.extensions["settings"] = settings
    with database.transaction() as session:
        session.execute(text("UPDATE relay_state SET paused_until = NULL"))
    wake.now("sweep")
    work()
    assert [mail.to for mail in smtp.mails] == ["owner@one.example"]


class TestDatabase:
    @pytest.fixture
    def locked(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Somebody else holds it for longer than we wait."""
        if db.engine.dialect.name == "sqlite":
            monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
            other = sqlite3.connect(str(db.engine.url.database), isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
            other.close()
            return
        event.listen(db.engine, "checkout", lambda connection, *_: connection.execute("SET lock_timeout = '200ms'"))
        blocker = db.engine.raw_connection()
        blocker.driver_connection.execute("LOCK TABLE announcement, idempotency")  # type: ignore[union-attr]
        yield
        blocker.driver_connection.rollback()  # type: ignore[union-attr]
        blocker.close()

    def test_a_locked_one_is_answered_503_and_nothing_is_half_written(self, api: Api, locked: None) -> None:
        answer = api.post("/v1/announcements", draft(), headers={"Idempotency-Key": "one"})
        assert (answer.status_code, answer.mimetype, "Retry-After" in answer.headers) == (503, "application/problem+json", True)

    def test_when_it_is_back_the_same_request_is_accepted(self, api: Api, app: Flask) -> None:
        if db.engine.dialect.name == "sqlite":
            pytest.skip("the embedded database does not go away")
        terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        drafted(api)
        with reading() as session:
            session.execute(text(terminate))
        assert api.post("/v1/announcements", draft()).status_code in (201, 503)
        assert api.post("/v1/announcements", draft()).status_code == 201

    def test_one_that_is_not_there_is_answered_503(self, app: Flask, api: Api) -> None:
        broken = "sqlite:////nowhere/at/all.sqlite3" if db.engine.dialect.name == "sqlite" else "postgresql+psycopg://a:b@127.0.0.1:1/c"
        from notifyhub import create_app

        app = create_app(replace(app.extensions["settings"], database_url=broken))
        answer = Api(app.test_client()).get("/v1/announcements")
        assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")


def test_what_fails_in_the_middle_leaves_neither_rows_nor_a_spent_key(app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifyhub.announcements.life.audit.record", broken)
    answer = api.post("/v1/announcements", draft(), headers={"Idempotency-Key": "one"})
    with reading() as session:
        left = [session.scalars(select(table)).all() for table in (Announcement, Idempotency)]
    assert (answer.status_code, left, told()) == (500, [[], []], [])


def broken(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError
