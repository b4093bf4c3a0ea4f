"""Draining what is due, over a relay that is slow, away, or limited."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select, update

from notifyhub import deliveries, drain, letters, relay, wake
from notifyhub.channels.contract import Letter
from notifyhub.database import reading, transaction, utcnow
from notifyhub.models import Delivery, RelayState
from tests.announcements.steps import imported, mails, published
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

Work = Callable[[], None]


def run(app: Flask, seconds: float = 10) -> bool:
    return asyncio.run(drain.drain(app.extensions["settings"], "email", after(seconds)))


def after(seconds: float) -> Callable[[], bool]:
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() >= deadline


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fan_out(api: Api, count: int) -> None:
    """Mails that wait; no worker has seen them."""
    from notifyhub.jobs import fan_out

    imported(api, [account(external_id=f"C-{number}", registered_email=f"c{number}@one.example") for number in range(count)])
    fan_out.run(published(api), 1)


def relay_state() -> RelayState | None:
    with reading() as session:
        row = session.execute(select(RelayState)).scalar()
        if row:
            session.expunge(row)
        return row


def test_everything_that_is_due_leaves(app: Flask, api: Api, smtp: Server) -> None:
    fan_out(api, 5)
    run(app)
    assert sorted(mail.to for mail in smtp.mails) == [f"c{number}@one.example" for number in range(5)]


def test_it_says_whether_work_is_left(app: Flask, api: Api) -> None:
    fan_out(api, 150)  # more than one claim
    assert (run(app, seconds=0), run(app)) == (False, True)


def test_nothing_stays_on_record_once_all_is_committed(app: Flask, api: Api) -> None:
    fan_out(api, 3)
    run(app)
    assert list(drain.journal_folder(app.extensions["settings"]).iterdir()) == []


def test_what_the_relay_took_stays_on_record_when_it_could_not_be_committed(
    app: Flask, api: Api, smtp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away between the relay's 250 and our commit."""
    fan_out(api, 3)
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "settle", broken)
        with pytest.raises(ConnectionError):
            run(app)
    drain.settle_dead_journals(app.extensions["settings"])
    run(app)
    assert len(smtp.mails) == 3
    assert {state for _, state in mails()} == {"sent"}


def test_what_is_on_its_way_is_waited_for_when_another_claim_could_not_be_committed(
    app: Flask, api: Api, smtp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away once two claims are under way, and the turn is over."""
    fan_out(api, 150)
    monkeypatch.setattr(smtp, "handle_DATA", pondering(smtp.handle_DATA, seconds=0.02))
    asked = itertools.count(1)
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "settle", broken)
        with pytest.raises(ConnectionError):
            asyncio.run(drain.drain(app.extensions["settings"], "email", lambda: next(asked) > 2))
    assert len(smtp.mails) == 150
    drain.settle_dead_journals(app.extensions["settings"])
    assert {state for _, state in mails()} == {"sent"}


def test_what_was_claimed_and_could_not_be_read_is_free_again(app: Flask, api: Api, smtp: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes away right after the claim, and this process lives on."""
    fan_out(api, 3)
    with monkeypatch.context() as patched:
        patched.setattr(letters, "write", broken)
        patched.setattr(deliveries, "release", broken)
        with pytest.raises(ConnectionError):
            run(app)
    drain.settle_dead_journals(app.extensions["settings"])
    run(app)
    assert len(smtp.mails) == 3
    assert list(drain.journal_folder(app.extensions["settings"]).iterdir()) == []


@pytest.mark.parametrize(("rate", "size"), [(100_000, 2000), (10_000, 500), (1_600, 150), (1_000, 100), (50, 20)])
def test_a_claim_is_as_large_as_its_wire_is_fast(monkeypatch: pytest.MonkeyPatch, rate: int, size: int) -> None:
    moments = itertools.count(0.0, 1.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    pace = drain.Pace()
    for _ in range(30):
        pace.note(rate)
    assert pace.size == pytest.approx(size, abs=1)


def test_what_came_back_is_looked_for_at_once(app: Flask, api: Api, smtp: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that took all there was, and one letter of it that could not be begun."""
    fan_out(api, 3)
    write, calls = letters.write, itertools.count()

    def first_too_late(*values: Any) -> list[Letter]:
        first, *others = write(*values)
        return [first._replace(deadline=0.0) if next(calls) == 0 else first, *others]

    monkeypatch.setattr(letters, "write", first_too_late)
    run(app)
    assert len(smtp.mails) == 3


def test_a_lease_that_cannot_be_renewed_does_not_give_away_what_is_on_its_way(
    app: Flask, api: Api, smtp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes away while the relay ponders, and is back before it answers."""
    fan_out(api, 3)
    monkeypatch.setattr(deliveries, "LEASE", timedelta(seconds=0.3))
    monkeypatch.setattr(deliveries, "renew", broken)
    monkeypatch.setattr(smtp, "handle_DATA", pondering(smtp.handle_DATA))
    run(app)
    assert len(smtp.mails) == 3
    assert {state for _, state in mails()} == {"sent"}


def pondering(answer: Any, seconds: float = 0.4) -> Any:
    async def answer_late(*of: Any) -> str:
        await asyncio.sleep(seconds)
        return str(await answer(*of))

    return answer_late


def broken(*_: Any) -> None:
    raise ConnectionError("the database went away")


class TestRelayAway:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"NOTIFYHUB_SMTP_URL": f"smtp://127.0.0.1:{closed_port()}?tls=none"}

    @pytest.fixture
    def tried(self, app: Flask, api: Api) -> None:
        fan_out(api, 3)
        run(app)

    def test_mails_wait_at_no_cost(self, tried: None) -> None:
        assert mails("state", "tries", "attempts") == [(f"c{number}@one.example", "queued", 0, []) for number in range(3)]

    def test_the_relay_is_left_alone_for_a_while(self, tried: None) -> None:
        state = relay_state()
        assert state is not None
        assert (state.failures, state.paused_until > utcnow(), "Connect" in str(state.reason)) == (1, True, True)  # type: ignore[operator]

    def test_meanwhile_it_is_not_tried(self, app: Flask, tried: None) -> None:
        run(app)
        assert relay_state().failures == 1  # type: ignore[union-attr]

    def test_each_failure_doubles_the_pause(self, app: Flask, tried: None) -> None:
        with transaction() as session:
            session.execute(update(RelayState).values(paused_until=utcnow() - timedelta(seconds=1), failures=3))
        run(app)
        assert (relay_state().paused_until - utcnow()).total_seconds() == pytest.approx(8, abs=3)  # type: ignore[operator,union-attr]

    def test_it_is_shown_as_degraded_and_accepting_goes_on(self, api: Api, tried: None) -> None:
        answer = api.get("/readyz")
        assert (answer.status_code, answer.json["status"], answer.json["relay"]) == (200, "degraded", "paused")


def test_what_waited_for_the_relay_is_delivered_later(api: Api, work: Work, smtp: Server) -> None:
    api.put("/v1/accounts/C-1", account())
    with transaction() as session:
        relay.failed(session, "away")
        session.execute(update(RelayState).values(paused_until=utcnow() + timedelta(hours=1)))
    published(api)
    work()
    assert smtp.mails == []
    with transaction() as session:
        session.execute(update(RelayState).values(paused_until=utcnow()))
    wake.now("sweep")
    work()
    assert (len(smtp.mails), relay_state().failures) == (1, 0)  # type: ignore[union-attr]


class TestRate:
    @pytest.fixture
    def environ(self, environ: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
        return environ | {"NOTIFYHUB_SMTP_RATE": str(request.param)}

    @pytest.mark.parametrize("environ", [10], indirect=True)
    def test_two_drains_together_keep_to_it(self, app: Flask, api: Api, smtp: Server) -> None:
        fan_out(api, 20)
        started = time.monotonic()

        async def both() -> None:
            settings = app.extensions["settings"]
            await asyncio.gather(*(drain.drain(settings, "email", after(8)) for _ in range(2)))

        asyncio.run(both())
        assert len(smtp.mails) == 20
        assert time.monotonic() - started > 20 / 10 - drain.relay.SLICE.total_seconds() - 0.2

    @pytest.mark.parametrize("environ", [2], indirect=True)
    def test_a_low_rate_is_used_up(self, app: Flask, api: Api, smtp: Server) -> None:
        fan_out(api, 4)
        run(app, seconds=6)
        assert len(smtp.mails) == 4


def test_a_rate_is_handed_out_once(app: Flask) -> None:
    began = time.monotonic()
    with transaction() as session:
        waits = [relay.reserve(session, 50, 100.0) for _ in range(5)]
    passed = time.monotonic() - began + 0.01  # each wait counts from its own moment
    assert all(due - passed <= wait <= due for wait, due in zip(waits, (0.0, 0.5, 1.0, 1.5, 2.0), strict=True))


def test_without_a_rate_nothing_waits(app: Flask) -> None:
    with transaction() as session:
        assert (relay.at_once(1000, None), relay.reserve(session, 1000, None)) == (1000, 0.0)


def test_a_mail_that_cannot_be_written_does_not_keep_the_others_waiting(app: Flask, api: Api, smtp: Server) -> None:
    fan_out(api, 3)
    with transaction() as session:
        first = session.scalars(select(Delivery.id).where(Delivery.channel == "email").order_by(Delivery.id)).first()
        session.execute(update(Delivery).where(Delivery.id == first).values(rule=99))
    run(app)
    assert len(smtp.mails) == 2


class TestLingering:
    def look(self, who: str) -> tuple[bool, bool]:
        return tuple(wake.linger("drain", who))  # type: ignore[return-value]

    def test_one_of_a_kind_may_stay(self, app: Flask) -> None:
        assert self.look("first") == (False, True)
        assert self.look("second") == (False, False)
        assert self.look("first") == (False, True)

    def test_nobody_stays_where_other_work_waits(self, app: Flask) -> None:
        wake.now("fan_out", "id", 1)
        assert self.look("first") == (False, False)

    def test_whoever_stays_does_what_is_asked_meanwhile(self, app: Flask) -> None:
        wake.now("drain")
        assert self.look("first") == (True, True)
        assert self.look("first") == (False, True)


class TestResting:
    @pytest.fixture
    def queued(self, app: Flask) -> Callable[[], dict[str, int]]:
        return lambda: {name: Queue(name, connection=wake.client(), serializer=JSONSerializer).count for name in ("drain", "fan_out")}

    def test_who_asks_for_what_rests_needs_no_job(self, app: Flask, queued: Callable[[], dict[str, int]]) -> None:
        with resting(app) as heard:
            assert wake.now("drain")
        assert (heard, queued()) == ([True], {"drain": 0, "fan_out": 0})

    def test_other_work_is_enqueued_and_ends_the_rest(self, app: Flask, queued: Callable[[], dict[str, int]]) -> None:
        with resting(app) as heard:
            wake.now("fan_out", "id", 1)
        assert (heard, queued()) == ([False], {"drain": 0, "fan_out": 1})

    def test_it_ends_by_itself(self, app: Flask) -> None:
        assert wake.rest("drain", 0.01) is False

    def test_what_is_asked_after_it_gets_a_job_again(self, app: Flask, queued: Callable[[], dict[str, int]]) -> None:
        wake.rest("drain", 0.01)
        wake.now("drain")
        assert queued()["drain"] == 1

    def test_a_worker_that_was_killed_at_rest_is_forgotten(self, app: Flask, queued: Callable[[], dict[str, int]]) -> None:
        wake.client().set(wake.RESTS, "drain", px=1)
        while wake.client().exists(wake.RESTS):
            time.sleep(0.001)
        wake.now("drain")
        assert queued()["drain"] == 1


@contextmanager
def resting(app: Flask) -> Iterator[list[bool]]:
    """Somebody rests, for as long as nobody rings; answers what that one heard."""
    heard: list[bool] = []

    def rest() -> None:
        with app.app_context():
            heard.append(wake.rest("drain", 1.5))

    thread = threading.Thread(target=rest)
    thread.start()
    while not wake.client().exists(wake.RESTS):
        time.sleep(0.001)
    yield heard
    thread.join()
