from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from notifyhub import audit, migrations
from notifyhub.database import db, transaction
from tests.builders import account
from tests.conftest import Api


@pytest.fixture(autouse=True)
def ready(app: Flask) -> None:
    migrations.init_app(app)


def tables() -> set[str]:
    db.session.remove()
    return set(inspect(db.engine).get_table_names())


def test_they_go_up_and_down_and_up_again(app: Flask) -> None:
    before = tables()
    downgrade(revision="base")
    assert tables() == {"alembic_version"}
    upgrade()
    assert tables() == before


def test_after_down_and_up_the_product_works(app: Flask, api: Api) -> None:
    db.session.remove()
    downgrade(revision="base")
    upgrade()
    assert api.put("/v1/accounts/C-1", account()).status_code in (200, 201)


def test_the_tables_are_those_of_the_models(app: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET actor = 'nobody'", "DELETE FROM audit_entry"])
def test_the_audit_log_can_be_neither_changed_nor_deleted(app: Flask, statement: str) -> None:
    with transaction() as session:
        audit.record(session, "test", "test:1")
    with transaction() as session, pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(statement))


def test_names_that_were_there_before_are_found_by_their_folded_form(app: Flask, api: Api) -> None:
    api.put("/v1/accounts/C-1", account(name="Gülşen Çağlar"))
    downgrade(revision="0002")
    upgrade()
    assert db.session.execute(text("SELECT name_key FROM account")).scalars().all() == ["gulsen caglar"]
