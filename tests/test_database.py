"""Connections that are kept, and what a server says that went away meanwhile."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text

from notifyhub import database
from notifyhub.database import db, reading


def backend() -> int:
    with reading() as session:
        return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())


def end(backend: int) -> None:
    """From outside: the pool does not hear of it."""
    with psycopg.connect(db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend]).fetchone() == (True,)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no connections that could be cut
class TestRestedConnections:
    def test_one_that_was_cut_is_made_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "RESTED", 0.0)
        before = backend()
        end(before)
        assert backend() != before

    def test_one_that_is_well_goes_on_and_holds_no_transaction(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "RESTED", 0.0)
        before = backend()
        with reading() as session:
            driver = session.connection().connection.driver_connection
            assert driver is not None
            assert driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        assert backend() == before

    def test_one_that_was_used_a_moment_ago_is_not_asked(self) -> None:
        before = backend()
        end(before)
        with pytest.raises(database.OperationalError):
            backend()
        assert backend() != before
