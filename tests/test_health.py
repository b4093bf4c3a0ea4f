from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from notifyhub.database import transaction
from tests.conftest import Api


def test_a_process_that_runs_says_so(api: Api) -> None:
    assert api.get("/healthz").json == {"status": "ok"}


def test_all_is_ready(api: Api) -> None:
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "database": "ok", "redis": "ok", "relay": "ok"})


@pytest.mark.parametrize("statement", ["UPDATE alembic_version SET version_num = '0000'", "DROP TABLE alembic_version"])
def test_a_database_that_is_not_migrated_is_not_ready(api: Api, statement: str) -> None:
    with transaction() as session:
        session.execute(text(statement))
    answer = api.get("/readyz")
    assert (answer.status_code, "notifyhub db upgrade" in answer.json["database"]) == (503, True)


class TestRedisAway:
    @pytest.fixture
    def app(self, app: Flask) -> Flask:
        from dataclasses import replace

        from notifyhub import wake

        app.extensions["settings"] = replace(app.extensions["settings"], redis_url="unix:///nowhere/at/all")
        wake.init_app(app)
        return app

    def test_it_is_degraded_and_ready(self, api: Api) -> None:
        answer = api.get("/readyz")
        assert (answer.status_code, answer.json["status"], answer.json["redis"]) == (200, "degraded", "away: ConnectionError")
