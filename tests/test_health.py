from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, get_args

import pytest
from flask import Flask
from sqlalchemy import text, update

from notifyhub import labels, migrations, readiness, relay, wake
from notifyhub.channels.contract import Report
from notifyhub.database import new_id, transaction, utcnow
from notifyhub.models import RelayState
from tests.conftest import Api


@pytest.fixture
def running(app: Flask) -> None:
    for process in ("worker", "scheduler"):
        wake.seen(process)


def ready(api: Api) -> tuple[int, dict[str, Any], dict[str, str]]:
    answer = api.get("/readyz")
    document = answer.json
    return answer.status_code, document, document.pop("says")


def test_a_process_that_runs_says_so(api: Api) -> None:
    assert api.get("/healthz").json == {"status": "ok"}


@pytest.mark.usefixtures("running")
def test_all_is_ready(api: Api) -> None:
    status, words, says = ready(api)
    assert (status, words.pop("status")) == (200, "ok")
    assert words == dict.fromkeys(("database", "redis", "relay", "workers", "scheduler"), "ok")
    assert says.keys() == words.keys()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "UPDATE alembic_version SET version_num = '0000'",
            f"Its tables are at 0000, this version needs {migrations.newest()}: run `notifyhub db upgrade`.",
        ),
        ("DROP TABLE alembic_version", "It has no tables: run `notifyhub db upgrade`."),
    ],
)
def test_a_database_that_is_not_migrated_is_not_ready(api: Api, statement: str, sentence: str) -> None:
    with transaction() as session:
        session.execute(text(statement))
    assert ready(api) == (503, {"status": "unready", "database": "behind"}, {"database": sentence})


def test_a_database_that_is_away_is_not_ready(app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    def away(_: Any) -> None:
        raise OperationalError("SELECT", None, Exception("gone"))

    monkeypatch.setattr("notifyhub.migrations.there", away)
    status, words, says = ready(api)
    assert (status, words) == (503, {"status": "unready", "database": "away"})
    assert "OperationalError" in says["database"]


def test_from_afar_there_are_words_and_no_sentences(api: Api) -> None:
    with transaction() as session:
        relay.failed(session, "connection to mx.internal refused")
    answer = api.get("/readyz", environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    assert (answer.json["relay"], "mx.internal" in answer.text, "says" in answer.json) == ("paused", False, False)


@pytest.mark.usefixtures("running")
class TestRelay:
    def test_one_that_is_left_alone_says_why_and_until_when(self, api: Api) -> None:
        with transaction() as session:
            relay.failed(session, "connection refused")
            relay.failed(session, "connection refused")
            until = session.get_one(RelayState, "mail").paused_until
        status, words, says = ready(api)
        assert (status, words["status"], words["relay"]) == (200, "degraded", "paused")
        assert (
            says["relay"]
            == f"Left alone for a while. Failures in a row: 2; the last: connection refused (until {until:%Y-%m-%dT%H:%M:%SZ})"
        )

    def test_it_stays_degraded_until_something_is_sent(self, api: Api) -> None:
        with transaction() as session:
            relay.failed(session, "connection refused")
            session.execute(update(RelayState).values(paused_until=utcnow()))
        assert ready(api)[1]["relay"] == "away"
        with transaction() as session:
            relay.answered(session, [Report(new_id(), "accepted", "250 ok")])
        assert ready(api)[1]["relay"] == "ok"

    def test_while_mail_is_held_back_it_says_what_was_refused(self, api: Api) -> None:
        with transaction() as session:
            relay.answered(session, [Report(new_id(), "refused", "550 5.7.1 you are listed")] * 41)
        status, words, says = ready(api)
        assert (status, words["relay"], "550 5.7.1 you are listed" in says["relay"], "(until 2" in says["relay"]) == (
            200,
            "held",
            True,
            True,
        )


class TestProcesses:
    def test_without_workers_and_scheduler_it_is_degraded(self, api: Api) -> None:
        status, words, says = ready(api)
        assert (status, words["status"], words["workers"], words["scheduler"]) == (200, "degraded", "missing", "missing")
        assert ("notifyhub worker" in says["workers"], "notifyhub cron" in says["scheduler"]) == (True, True)

    @pytest.mark.parametrize(("process", "part"), [("worker", "workers"), ("scheduler", "scheduler")])
    def test_one_that_was_not_heard_of_for_a_while_is_silent(self, api: Api, process: str, part: str) -> None:
        wake.seen(process)
        wake.client().expire(f"notifyhub:seen:{process}", wake.SEEN_TTL - 100)
        status, words, says = ready(api)
        assert (status, words[part]) == (200, "silent")
        assert re.search(r"for 10\d seconds", says[part])

    def test_a_worker_is_heard_of_by_each_job(self, api: Api, work: Any) -> None:
        wake.now("sweep")
        work()
        assert ready(api)[1]["workers"] == "ok"


class TestRedisAway:
    @pytest.fixture
    def app(self, app: Flask) -> Flask:
        app.extensions["settings"] = replace(app.extensions["settings"], redis_url="unix:///nowhere/at/all")
        wake.init_app(app)
        return app

    def test_it_is_degraded_and_ready(self, api: Api) -> None:
        status, words, says = ready(api)
        assert (status, words["status"], words["redis"], words["workers"]) == (200, "degraded", "away", "unknown")
        assert "ConnectionError" in says["redis"]


def test_every_part_and_state_has_its_words() -> None:
    assert (set(get_args(readiness.Name)), set(get_args(readiness.State))) == (set(labels.PARTS), set(labels.PART_STATES))
