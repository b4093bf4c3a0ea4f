"""A relay that refuses too much is left alone, before one blocklisting marks every customer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from notifyhub import relay
from notifyhub.channels import refusals
from notifyhub.channels.contract import Report
from notifyhub.database import new_id, reading, transaction, utcnow
from notifyhub.models import AuditEntry, Delivery, Mailbox, RelayState
from tests.announcements.steps import imported, published
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

Work = Callable[[], None]
REFUSED = "550 5.7.1 your network is on our blocklist"


def answer(*outcomes: str) -> None:
    with transaction() as session:
        relay.answered(session, [Report(new_id(), outcome, f"reply to {outcome}") for outcome in outcomes])  # type: ignore[arg-type]


def paused() -> bool:
    with reading() as session:
        return relay.paused(session)


class TestHolding:
    def test_more_than_a_fifth_of_the_last_200_refused_for_good_holds_mail_back(self, app: Flask) -> None:
        answer(*["accepted"] * 159, *["refused"] * 40)
        assert not paused()
        answer("refused")
        assert paused()

    def test_refusals_long_ago_do_not_count(self, app: Flask) -> None:
        for _ in range(10):
            answer(*["refused"] * 30)
            answer(*["accepted"] * 170)
        assert not paused()

    def test_temporary_ones_do_not_count(self, app: Flask) -> None:
        answer(*["deferred"] * 300)
        assert not paused()

    def test_it_ends_by_itself(self, app: Flask) -> None:
        answer(*["refused"] * 41)
        with transaction() as session:
            session.execute(update(RelayState).values(held_until=utcnow() - timedelta(seconds=1)))
        assert not paused()

    def test_that_it_works_again_elsewhere_does_not_end_it(self, app: Flask) -> None:
        answer(*["refused"] * 41)
        answer("accepted")
        assert paused()

    def test_the_audit_log_and_readyz_say_so(self, app: Flask, api: Api) -> None:
        answer(*["refused"] * 41)
        with reading() as session:
            assert session.execute(select(AuditEntry.details).where(AuditEntry.action == "relay.held")).scalar() == {"reply": "rep"}
        assert api.get("/readyz").json["status"] == "degraded"


class TestTheDrain:
    @pytest.fixture
    def refused(self, api: Api, work: Work, smtp: Server) -> None:
        """A blocklisting that calls every mailbox unknown."""
        documents = [account(external_id=f"C-{number}", registered_email=f"a{number}@one.example") for number in range(300)]
        for document in documents:
            smtp.refuse(document["registered_email"], *["550 5.1.1 unknown"] * 9)
        imported(api, documents)
        published(api)
        work()

    def test_it_stops_before_every_mailbox_is_marked(self, refused: None) -> None:
        with reading() as session:
            bouncing = session.execute(select(func.count()).select_from(Mailbox).where(Mailbox.status == "bouncing")).scalar_one()
        assert refusals.MOST_REFUSED < bouncing < 100

    def test_what_was_not_tried_waits(self, refused: None) -> None:
        with reading() as session:
            waiting = session.execute(select(func.count()).select_from(Delivery).where(Delivery.state == "queued")).scalar_one()
        assert waiting > 200
        assert paused()

    def test_it_goes_on_when_staff_say_so(self, app: Flask, refused: None, work: Work, smtp: Server) -> None:
        smtp.reset()
        browser = Browser(app).as_staff("ops")
        assert b"Mail is held back" in browser.get("/staff/mails").data
        assert browser.post("/staff/relay/resume").status_code == 303
        assert b"Mail is held back" not in browser.get("/staff/mails").data
        with transaction() as session:
            session.execute(update(RelayState).values(paused_until=None))
        work()
        assert len(smtp.mails) > 200
