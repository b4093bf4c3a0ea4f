"""What happens is counted, once, by whoever commits it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from notifyhub import deliveries, dispatch, drain, tallies
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.kinds import KINDS
from notifyhub.models import Account, Delivery, Tally
from tests.announcements.steps import published
from tests.builders import account
from tests.conftest import Api
from tests.events.steps import event, report
from tests.smtp import Server
from tests.test_deliveries import TOKEN, accept, ago, claim, queue, settle
from tests.test_journal import sender

Work = Callable[[], None]


def counted(*names: str) -> dict[str, dict[str, int]]:
    with reading() as session:
        return {name: labels for name, labels in tallies.totals(session).items() if name in names or not names}


def count_and_fail() -> None:
    with transaction() as session:
        tallies.add(session, "sent", "bulk email")
        raise ZeroDivisionError


class TestWriting:
    def test_counts_of_one_transaction_are_added_up(self, app: Flask) -> None:
        with transaction() as session:
            tallies.add(session, "sent", "bulk email", 3)
            tallies.add(session, "sent", "bulk email", 4)
            tallies.add(session, "lapsed")
        assert counted() == {"sent": {"bulk email": 7}, "lapsed": {"": 1}}

    def test_what_is_rolled_back_was_not_counted(self, app: Flask) -> None:
        with pytest.raises(ZeroDivisionError):
            count_and_fail()
        with transaction() as session:
            tallies.add(session, "lapsed")
        assert counted() == {"lapsed": {"": 1}}

    def test_what_a_savepoint_takes_back_was_not_counted(self, app: Flask) -> None:
        with transaction() as session:
            tallies.add(session, "lapsed")
            outer = session.begin_nested()
            with session.begin_nested():
                tallies.add(session, "rested")
            outer.rollback()
            with session.begin_nested():
                tallies.add(session, "lapsed")
        assert counted() == {"lapsed": {"": 2}}

    def test_nothing_is_counted_as_nothing(self, app: Flask) -> None:
        with transaction() as session:
            tallies.add(session, "lapsed", count=0)
        assert counted() == {}

    def test_transactions_side_by_side_do_not_wait_for_each_other(self, app: Flask) -> None:
        """Neither do they deadlock, whatever the order in which they count."""
        begun, errors = threading.Barrier(4), []
        names: list[tuple[tallies.Name, str]] = [("sent", "bulk email"), ("answer", "2xx"), ("lapsed", "")]

        def run(turn: int) -> None:
            with app.app_context():
                try:
                    begun.wait(5)
                    for _ in range(20):
                        with transaction() as session:
                            for name, label in names[turn % 3 :] + names[: turn % 3]:
                                tallies.add(session, name, label)
                except Exception as error:
                    errors.append(error)
                finally:
                    db.session.remove()

        threads = [threading.Thread(target=run, args=(turn,)) for turn in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert counted() == {"sent": {"bulk email": 80}, "answer": {"2xx": 80}, "lapsed": {"": 80}}

    def test_postgresql_keeps_room_for_rows_that_change(self, app: Flask) -> None:
        with reading() as session:
            if session.get_bind().dialect.name == "postgresql":
                assert session.scalar(text("SELECT reloptions FROM pg_class WHERE relname = 'tally'")) == ["fillfactor=50"]


def minutes() -> list[int]:
    with reading() as session:
        return list(session.scalars(select(Tally.minute).order_by(Tally.minute)))


def this_minute() -> int:
    return int(utcnow().timestamp()) // 60


def kept(minute: int, count: int, label: str = "bulk email", slot: int = 0) -> None:
    with transaction() as session:
        session.add(Tally(minute=minute, name="sent", label=label, slot=slot, count=count))


class TestFolding:
    def test_long_ago_becomes_one_row_and_the_sum_stays(self, app: Flask) -> None:
        kept(tallies.LONG_AGO, 100)
        now = this_minute()
        for past in range(60, 75):
            kept(now - past, 2, slot=1)
            kept(now - past, 3, slot=2)
        with transaction() as session:
            tallies.fold(session)
        assert counted() == {"sent": {"bulk email": 175}}
        assert (minutes()[0], min(minutes()[1:]) >= now - tallies.KEPT_MINUTES) == (tallies.LONG_AGO, True)

    def test_it_is_done_in_small_steps(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tallies, "STEP", 4)
        now = this_minute()
        for past in range(100, 106):
            kept(now - past, 1)
        steps = []
        for _ in range(3):
            with transaction() as session:
                steps.append(tallies.fold(session))
        assert (steps, counted(), minutes()) == ([4, 2, 0], {"sent": {"bulk email": 6}}, [tallies.LONG_AGO])

    def test_two_at_once_count_nothing_twice(self, app: Flask) -> None:
        now = this_minute()
        for past in range(100, 160):
            kept(now - past, 1, label=f"{past % 7}")
        begun = threading.Barrier(2)

        def run() -> None:
            with app.app_context():
                begun.wait(5)
                with transaction() as session:
                    tallies.fold(session)
                db.session.remove()

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with reading() as session:
            assert session.scalar(select(func.sum(Tally.count))) == 60

    def test_the_sweep_does_it(self, app: Flask) -> None:
        from notifyhub.jobs import sweep

        kept(this_minute() - 100, 1)
        sweep.run()
        assert minutes() == [tallies.LONG_AGO]


class TestWhatIsCounted:
    def test_what_the_relay_took(self, app: Flask) -> None:
        queue(lane=0), queue(lane=3), queue(lane=3)
        settle(claim(), "accepted", "250 2.0.0 ok")
        assert counted() == {"sent": {"immediate email": 1, "bulk email": 2}, "answer": {"2xx 2.0": 3}}

    def test_what_was_refused_for_now(self, app: Flask) -> None:
        queue()
        settle(claim(), "deferred", "451 4.3.0 busy")
        assert counted() == {"deferred": {"bulk email": 1}, "answer": {"4xx 4.3": 1}}

    def test_what_was_refused_for_good(self, app: Flask, api: Api) -> None:
        api.put("/v1/accounts/C-1", account())
        accept()
        settle(claim(), "refused", "550 5.7.1 no")
        assert counted("failed", "answer") == {"failed": {"bulk email": 1}, "answer": {"5xx 5.7": 1}}

    def test_where_nothing_else_is_usable_then_that_is_a_skip(self, app: Flask, api: Api) -> None:
        api.put("/v1/accounts/C-1", account())
        accept()
        settle(claim(), "refused", "550 5.1.1 no such user", gone=True)
        assert counted("skipped") == {"skipped": {"bulk email": 1}}

    def test_what_was_given_up_has_failed(self, app: Flask, api: Api) -> None:
        api.put("/v1/accounts/C-1", account())
        accept()
        with transaction() as session:
            session.execute(update(Delivery).values(queued_at=ago(hours=49)))
        settle(claim(), "deferred", "451 busy")
        assert counted("failed", "deferred", "answer") == {"failed": {"bulk email": 1}, "answer": {"4xx": 1}}

    def test_what_was_not_tried_counts_as_nothing(self, app: Flask) -> None:
        queue()
        settle(claim(), "unsent", "421 4.3.2 the relay is away")
        assert counted() == {}

    def test_what_no_server_said_is_no_answer(self, app: Flask) -> None:
        queue()
        settle(claim(), "deferred", "not sent: the mail could not be made (KeyError)")
        assert counted() == {"deferred": {"bulk email": 1}}

    def test_a_late_report_counts_for_what_it_changed(self, app: Flask) -> None:
        lost, mine = queue(lane=0), queue(lane=1)
        claimed = claim()
        with transaction() as session:
            session.execute(update(Delivery).where(Delivery.id == lost).values(lease_token=uuid.UUID(int=2)))
        settle(claimed, "accepted", "250 ok")
        assert (counted(), mine) == ({"sent": {"urgent email": 1}, "answer": {"2xx": 1}}, mine)

    def test_a_second_report_counts_as_nothing(self, app: Flask) -> None:
        queue()
        claimed = claim()
        settle(claimed, "accepted", "250 ok")
        settle(claimed, "deferred", "451 no")
        assert counted() == {"sent": {"bulk email": 1}, "answer": {"2xx": 1}}

    @pytest.mark.parametrize(("before", "after"), [("sent", "bounced"), ("queued", "cancelled"), ("queued", "superseded")])
    def test_what_comes_to_its_end_later(self, app: Flask, before: str, after: str) -> None:
        ids = [queue(state=before, lane=lane) for lane in (1, 1, 2)] + [queue(state="skipped")]
        with transaction() as session:
            assert deliveries.move(session, Delivery.id.in_(ids), after) == 3
        assert counted() == {after: {"urgent email": 2, "normal email": 1}}

    def test_what_a_newer_revision_takes_the_place_of(self, app: Flask, api: Api) -> None:
        api.put("/v1/accounts/C-1", account())
        for revision in (1, 2):
            accept(revision=revision)
        assert counted("superseded") == {"superseded": {"bulk email": 1}}

    def test_a_lease_whose_holder_is_gone(self, app: Flask) -> None:
        for _ in range(2):
            queue(state="sending", lease_until=ago(seconds=1) - deliveries.GRACE, lease_token=TOKEN)
        with transaction() as session:
            deliveries.release_lapsed(session)
        assert counted() == {"lapsed": {"": 2}}

    def test_a_telling_of_many(self, api: Api, work: Work, smtp: Server) -> None:
        own = {"announcements": [{"email": "noc@one.example", "state": "pending"}]}
        api.put("/v1/accounts/C-1", account(send_email=own))
        api.put("/v1/accounts/C-2", account())
        published(api)
        work()
        assert counted("told", "skipped", "sent") == {
            "told": {"maintenance": 2},
            "skipped": {"bulk email": 1},
            "sent": {"bulk inbox": 2, "bulk email": 2},
        }

    def test_the_same_telling_again_is_one_that_was_spared(self, app: Flask, api: Api) -> None:
        api.put("/v1/accounts/C-1", account())
        accept()
        accept()
        assert counted("told", "spared") == {"told": {"maintenance": 1}, "spared": {"repeated": 1}}

    def test_an_event_that_is_reported_again_is_one_too(self, app: Flask, api: Api) -> None:
        api.put("/v1/accounts/C-1", account())
        issued = event()
        for _ in range(2):
            assert report(api, issued).status_code == 202
        assert counted("told", "spared") == {"told": {"invoice": 1}, "spared": {"repeated": 1}}

    def test_events_of_one_batch_count_each_as_its_own_kind(self, app: Flask, api: Api) -> None:
        api.put("/v1/accounts/C-1", account())
        assert report(api, event(), event(), event("security.login_from_new_place"), event(data={"account": "C-9"})).status_code == 202
        assert counted("told", "sent") == {
            "told": {"invoice": 2, "security_login": 1},
            "sent": {"normal inbox": 2, "immediate inbox": 1},
        }

    def test_of_two_at_once_who_tell_the_same_one_is_spared(self, app: Flask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        """The second one looked before the first had committed."""
        api.put("/v1/accounts/C-1", account())
        accept()
        known = dispatch._known
        answers: list[Any] = [None]
        monkeypatch.setattr(dispatch, "_known", lambda *values: answers.pop() if answers else known(*values))
        with transaction() as session:
            account_id = session.execute(select(Account.id)).scalar_one()
            dispatch.accept(session, dispatch.Telling(KINDS["maintenance"], "test", "1"), utcnow(), account_id)
        assert counted("told", "spared") == {"told": {"maintenance": 1}, "spared": {"repeated": 1}}

    def test_a_letter_of_a_dead_process_is_one_that_was_spared(self, app: Flask) -> None:
        folder: Path = drain.journal_folder(app.extensions["settings"])
        sent = queue(lane=0)
        queue(lane=1)
        claim(token=TOKEN)
        with sender(folder, sent, sent, queue(state="sent")):
            pass
        drain.settle_dead_journals(app.extensions["settings"])
        assert counted() == {"sent": {"immediate email": 1}, "answer": {"2xx 2.0": 1}, "spared": {"journal": 1}}
