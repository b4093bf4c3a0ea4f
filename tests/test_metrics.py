"""The engine in figures, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from notifyhub import exposition, measures, relay, tallies, wake
from notifyhub.channels.contract import Report
from notifyhub.database import new_id, transaction, utcnow
from notifyhub.models import Tally
from tests.announcements.steps import published
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server
from tests.test_deliveries import ago, queue

Work = Callable[[], None]
MANY_SENT = """
    INSERT INTO delivery
        (id, notification_id, channel, mailbox_id, lane, state, rule, reason, queued_at, due_at, tries, attempts)
    SELECT gen_random_uuid(), gen_random_uuid(), 'email', n, 3, CASE WHEN n > 20 THEN 'sent' ELSE 'queued' END, 4, '', now(), now(), 0, '[]'
    FROM generate_series(1, 20000) AS n
"""


@pytest.fixture
def scrape(api: Api) -> Callable[..., Any]:
    """scrape("deliveries_due", lane="bulk"): the only sample that has these labels."""

    def run(name: str, **labels: str) -> float:
        measures.forget()
        answer = api.get("/metrics")
        assert answer.status_code == 200
        samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
        (found,) = [sample.value for sample in samples if sample.name == f"notifyhub_{name}" and labels.items() <= sample.labels.items()]
        return found

    return run


class TestWaiting:
    def test_by_lane_and_state(self, app: Flask, scrape: Any) -> None:
        queue(lane=3), queue(lane=3, due_at=ago(hours=-1)), queue(lane=0)
        queue(lane=3, state="sending"), queue(lane=3, state="sent")
        bulk = {name: scrape(f"deliveries_{name}", lane="bulk", channel="email") for name in ("queued", "due", "sending")}
        assert bulk == {"queued": 2, "due": 1, "sending": 1}
        assert (scrape("deliveries_queued", lane="immediate"), scrape("deliveries_queued", lane="urgent")) == (1, 0)

    def test_how_long_the_oldest_has_been_due(self, app: Flask, scrape: Any) -> None:
        queue(lane=1, due_at=ago(seconds=5)), queue(lane=1, due_at=ago(seconds=90)), queue(lane=2, due_at=ago(seconds=-60))
        assert scrape("oldest_due_seconds", lane="urgent") == pytest.approx(95, abs=10)
        assert (scrape("oldest_due_seconds", lane="normal"), scrape("oldest_due_seconds", lane="bulk")) == (0, 0)

    def test_who_asks_often_is_told_what_was_counted_last(self, app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = []
        monkeypatch.setattr(measures, "COUNTING_SHARE", 1_000_000)
        monkeypatch.setattr(measures, "take", lambda session, take=measures.take: taken.append(1) or take(session))
        measures.forget()
        for _ in range(3):
            api.get("/metrics")
        measures.forget()
        assert taken == [1]

    def test_postgresql_counts_by_the_indexes_of_what_waits(self, app: Flask) -> None:
        with transaction() as session:
            if session.get_bind().dialect.name != "postgresql":
                return
            session.execute(text(MANY_SENT))
            session.execute(text("ANALYZE delivery"))
            statements: list[str] = []
            connection = session.connection()

            def note(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
                if "FROM delivery" in statement and not statement.startswith("EXPLAIN"):
                    statements.append(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all())  # type: ignore[arg-type]

            from sqlalchemy import event

            event.listen(connection, "before_cursor_execute", note)
            measures.take(session)
            plans = ["\n".join(plan) for plan in statements]
            assert (len(plans), [plan for plan in plans if "Seq Scan" in plan]) == (6, [])


class TestCounters:
    def test_what_was_sent_and_how_the_relay_answered(self, api: Api, work: Work, smtp: Server, scrape: Any) -> None:
        smtp.refuse("noc@one.example", "451 4.3.0 busy")
        api.put("/v1/accounts/C-1", account())
        own = {"announcements": [{"email": "noc@one.example", "state": "verified"}]}
        api.put("/v1/accounts/C-2", account(send_email=own))
        published(api)
        work()
        assert scrape("deliveries_sent_total", lane="bulk", channel="email") == 1
        assert scrape("deliveries_sent_total", lane="bulk", channel="inbox") == 2
        assert scrape("deliveries_deferred_total", lane="bulk") == 1
        assert scrape("notifications_total", kind="maintenance") == 2
        assert (scrape("relay_answers_total", **{"class": "2xx", "enhanced": "2.0"}), scrape("relay_answers_total", enhanced="4.3")) == (
            1,
            1,
        )

    def test_they_are_there_before_anything_happened(self, app: Flask, scrape: Any) -> None:
        assert scrape("deliveries_failed_total", lane="immediate", channel="email") == 0
        assert (scrape("duplicates_avoided_total", how="journal"), scrape("relay_answers_total", **{"class": "5xx"})) == (0, 0)

    def test_folding_changes_none_of_them(self, app: Flask, scrape: Any) -> None:
        long_ago = int(utcnow().timestamp()) // 60 - 1000
        with transaction() as session:
            session.add(Tally(minute=long_ago, name="lapsed", label="", slot=0, count=4))
            tallies.add(session, "lapsed", count=3)
        before = scrape("lease_expiries_total")
        with transaction() as session:
            tallies.fold(session)
        assert (before, scrape("lease_expiries_total")) == (7, 7)

    def test_the_send_rate_is_that_of_the_last_whole_minute(self, app: Flask, scrape: Any) -> None:
        with transaction() as session:
            for past, count in ((0, 1000), (1, 300), (2, 5000)):
                session.add(Tally(minute=int(utcnow().timestamp()) // 60 - past, name="sent", label="bulk email", slot=0, count=count))
        assert scrape("send_rate", lane="bulk") in (5, 1000 / 60)  # the minute may have turned meanwhile


class TestAround:
    def test_a_relay_that_is_left_alone(self, app: Flask, scrape: Any) -> None:
        assert (scrape("relay_paused"), scrape("up", part="relay")) == (0, 1)
        with transaction() as session:
            relay.failed(session, "connection refused")
        assert (scrape("relay_paused"), scrape("relay_failures"), scrape("relay_held"), scrape("up", part="relay")) == (1, 1, 0, 0)
        assert (scrape("relay_pauses_total", why="failed"), scrape("relay_pauses_total", why="refused")) == (1, 0)

    def test_a_relay_that_refused_too_much(self, app: Flask, scrape: Any) -> None:
        with transaction() as session:
            relay.answered(session, [Report(new_id(), "refused", "550 no")] * 41)
        assert (scrape("relay_held"), scrape("relay_paused"), scrape("relay_pauses_total", why="refused")) == (1, 0, 1)

    def test_fan_outs_that_are_not_done(self, api: Api, fans_out_later: None, scrape: Any) -> None:
        api.put("/v1/accounts/C-1", account())
        published(api)
        assert scrape("fan_outs_unfinished") == 1

    def test_parts_that_are_away(self, app: Flask, scrape: Any) -> None:
        wake.seen("worker")
        assert [scrape("up", part=part) for part in ("database", "redis", "workers", "scheduler")] == [1, 1, 1, 0]

    def test_without_the_database_it_says_so(self, app: Flask, scrape: Any) -> None:
        with transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        assert scrape("up", part="database") == 0


OPEN = "application/openmetrics-text"


@pytest.mark.parametrize("accept", ["text/plain", f"{OPEN}; version=1.0.0", f"{OPEN}; version=x", "text/plain; version=a.b", "*/*", ""])
def test_it_is_written_as_it_was_asked_for(api: Api, accept: str) -> None:
    answer = api.get("/metrics", headers={"Accept": accept})
    expected = OPEN if "1.0.0" in accept else "text/plain"
    assert (answer.status_code, answer.mimetype, answer.text.rstrip().endswith("# EOF")) == (200, expected, "1.0.0" in accept)


def test_all_are_in_the_documentation(api: Api) -> None:
    from notifyhub import ROOT

    documented = (ROOT / "docs" / "operate.md").read_text()
    names = {sample.name for family in text_string_to_metric_families(api.get("/metrics").text) for sample in family.samples}
    assert {name for name in names if f"`{name}" not in documented} == set()


def test_all_that_is_counted_is_shown() -> None:
    from typing import get_args

    assert {counter.tally for counter in exposition.COUNTERS} == set(get_args(tallies.Name))
