"""The one call in which everything ends, made twice and made at once."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from notifyhub import deliveries, dispatch, wake
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.kinds import KINDS
from notifyhub.models import Account, Delivery, Notification
from tests.announcements.steps import mails, told
from tests.builders import account
from tests.conftest import Api

TELLING = dispatch.Telling(KINDS["maintenance"], "test", "1")


@pytest.fixture
def account_id(api: Api) -> int:
    api.put("/v1/accounts/C-1", account())
    with reading() as session:
        return session.execute(select(Account.id)).scalar_one()


def at_once(app: Flask, act: Callable[[], None], times: int = 4) -> list[Exception]:
    """What went wrong in as many threads."""
    errors: list[Exception] = []
    together = threading.Barrier(times)

    def run() -> None:
        with app.app_context():
            try:
                together.wait(5)
                act()
            except Exception as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_the_same_told_again_changes_nothing(account_id: int) -> None:
    with transaction() as session:
        ids = {dispatch.accept(session, TELLING, utcnow(), account_id) for _ in range(3)}
    assert (len(ids), told("test"), len(mails())) == (1, ["C-1"], 1)


def test_the_same_told_at_once_is_told_once(app: Flask, account_id: int) -> None:
    def tell() -> None:
        with transaction() as session:
            dispatch.accept(session, TELLING, utcnow(), account_id)

    assert at_once(app, tell) == []
    assert told("test") == ["C-1"]


def test_repairs_asked_for_at_once_open_one_notice(app: Flask, account_id: int) -> None:
    def ask() -> None:
        with transaction() as session:
            dispatch.open_repairs(session, [account_id], utcnow())

    assert at_once(app, ask) == []
    assert told("repair") == ["C-1"]


def test_what_is_rolled_back_wakes_nobody(app: Flask, account_id: int) -> None:
    wake.client().flushall()
    session = db.session()
    dispatch.accept(session, TELLING, utcnow(), account_id)
    session.rollback()
    assert wake.client().keys("rq:queue:*") == []


def test_a_wake_up_survives_a_savepoint_that_is_rolled_back(app: Flask, account_id: int) -> None:
    wake.client().flushall()
    with transaction() as session:
        dispatch.accept(session, TELLING, utcnow(), account_id)
        session.begin_nested().rollback()
    assert wake.client().llen("rq:queue:drain") == 1


def test_one_wake_up_is_enough(app: Flask) -> None:
    wake.client().flushall()
    assert [wake.now("drain") for _ in range(3)] == [True] * 3
    assert wake.client().llen("rq:queue:drain") == 1


def test_a_wake_up_that_ended_with_its_worker_is_given_again(app: Flask) -> None:
    wake.client().flushall()
    wake.now("drain")
    wake.client().lpop("rq:queue:drain")
    wake.now("drain")
    assert wake.client().llen("rq:queue:drain") == 1


def test_a_process_whose_clock_is_ahead_delays_nothing(account_id: int) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("it stands on one machine, which has one clock")
    with time_machine.travel(utcnow() + timedelta(minutes=5), tick=True), transaction() as session:
        dispatch.accept(session, TELLING, utcnow(), account_id)
    with transaction() as session:
        assert len(deliveries.claim(session, "email", 10, uuid.uuid4())[1]) == 1


def test_a_source_tells_each_revision(account_id: int) -> None:
    with transaction() as session:
        for revision in (1, 2):
            dispatch.accept(session, TELLING._replace(revision=revision), utcnow(), account_id)
    with reading() as session:
        assert sorted(session.scalars(select(Notification.revision))) == [1, 2]


class TestRevisions:
    """Of what is replaced by a later revision, nothing leaves that is still waiting."""

    def tell(self, account_id: int, revision: int, kind: str = "maintenance") -> None:
        with transaction() as session:
            dispatch.accept(session, dispatch.Telling(KINDS[kind], "test", "1", revision), utcnow(), account_id)

    def test_the_older_mail_is_not_sent_and_says_why(self, account_id: int) -> None:
        self.tell(account_id, 1)
        self.tell(account_id, 2)
        assert mails("state", "reason")[0] == ("owner@one.example", "superseded", "not sent: a newer one took its place")
        assert mails()[1] == ("owner@one.example", "queued")

    def test_what_was_sent_stays_sent(self, account_id: int) -> None:
        self.tell(account_id, 1)
        with transaction() as session:
            session.execute(update(Delivery).values(state="sent"))
        self.tell(account_id, 2)
        assert mails() == [("owner@one.example", "sent"), ("owner@one.example", "queued")]

    def test_other_accounts_and_other_things_are_left_alone(self, api: Api, account_id: int) -> None:
        api.put("/v1/accounts/C-2", account(registered_email="owner@two.example"))
        with transaction() as session:
            dispatch.accept(session, TELLING, utcnow(), account_id + 1)
            dispatch.accept(session, TELLING._replace(source_ref="2"), utcnow(), account_id)
        self.tell(account_id, 2)
        assert [state for _, state in mails()] == ["queued"] * 3

    def test_a_kind_whose_revisions_all_count_keeps_them(self, account_id: int) -> None:
        self.tell(account_id, 1, "addresses_changed")
        self.tell(account_id, 2, "addresses_changed")
        assert [state for _, state in mails()] == ["queued", "queued"]

    def test_what_was_refused_is_not_told_elsewhere_any_more(self, api: Api) -> None:
        verified = {"announcements": [{"email": "noc@one.example", "state": "verified"}]}
        api.put("/v1/accounts/C-1", account(send_email=verified))
        with reading() as session:
            account_id = session.execute(select(Account.id)).scalar_one()
        self.tell(account_id, 1)
        with transaction() as session:
            session.execute(update(Delivery).values(state="failed"))
        self.tell(account_id, 2)
        with transaction() as session:
            first = session.execute(select(Notification.id).where(Notification.revision == 1)).scalar_one()
            deliveries.reroute(session, first, utcnow())
        assert mails() == [("noc@one.example", "failed"), ("noc@one.example", "queued")]
