"""Deliveries on their way: claimed by one, settled once, tried again, given up, routed anew."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from notifyhub import deliveries, dispatch, wake
from notifyhub.channels.contract import Report
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.deliveries import Claimed
from notifyhub.kinds import KINDS
from notifyhub.models import Account, AuditEntry, Delivery, Mailbox
from tests.announcements.steps import mails, published
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

TOKEN = uuid.UUID(int=1)
Work = Callable[[], None]


def queue(**changes: Any) -> uuid.UUID:
    now = utcnow()
    row = {
        "id": uuid.uuid4(), "notification_id": uuid.uuid4(), "channel": "email", "mailbox_id": 1, "lane": 3, "state": "queued", "rule": 4,
        "reason": "registered address", "queued_at": now, "due_at": now, "tries": 0, "attempts": [],
    } | changes  # fmt: skip
    with transaction() as session:
        session.add(Delivery(**row))
    return row["id"]  # type: ignore[return-value]


def claim(size: int = 100, token: uuid.UUID = TOKEN) -> list[Claimed]:
    with transaction() as session:
        return deliveries.claim(session, "email", size, token)[1]


def settle(claimed: list[Claimed], outcome: Any, reply: str = "", token: uuid.UUID = TOKEN, gone: bool = False) -> None:
    reports = [Report(delivery.id, outcome, reply, gone) for delivery in claimed]
    with transaction() as session:
        deliveries.settle(session, token, {delivery.id: delivery for delivery in claimed}, reports, (60, 300))


def look(id: uuid.UUID) -> Delivery:
    with reading() as session:
        row = session.get_one(Delivery, id, populate_existing=True)
        session.expunge(row)
        return row


def change(which: Any = True, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.channel == "email", which).values(**values))


def ago(**time: float) -> datetime:
    return utcnow() - timedelta(**time)


class TestClaim:
    def test_the_most_urgent_comes_first_then_who_waits_longest(self, app: Flask) -> None:
        bulk, late, early = queue(lane=3, due_at=ago(hours=9)), queue(lane=1, due_at=ago(hours=1)), queue(lane=1, due_at=ago(hours=2))
        assert [delivery.id for delivery in claim()] == [early, late, bulk]

    def test_a_small_claim_takes_the_most_urgent(self, app: Flask) -> None:
        queue(lane=3, due_at=ago(hours=9))
        urgent = queue(lane=0)
        assert [delivery.id for delivery in claim(1)] == [urgent]

    @pytest.mark.parametrize("changes", [{"due_at": utcnow() + timedelta(hours=1)}, {"state": "sent"}, {"channel": "inbox"}])
    def test_what_is_not_due_is_left(self, app: Flask, changes: dict[str, Any]) -> None:
        queue(**changes)
        assert claim() == []

    def test_what_is_claimed_is_not_claimed_again(self, app: Flask) -> None:
        queue()
        assert (len(claim()), len(claim(token=uuid.UUID(int=2)))) == (1, 0)

    def test_several_claimers_never_get_the_same(self, app: Flask) -> None:
        for _ in range(60):
            queue()
        got: list[uuid.UUID] = []

        def run() -> None:
            with app.app_context():
                while claimed := claim(4, uuid.uuid4()):
                    got.extend(delivery.id for delivery in claimed)
                db.session.remove()

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(got), len(set(got))) == (60, 60)


class TestLease:
    def test_what_is_given_back_is_due_at_once_and_cost_nothing(self, app: Flask) -> None:
        id = queue()
        claim()
        with transaction() as session:
            deliveries.release(session, TOKEN)
        assert ([delivery.id for delivery in claim()], look(id).tries, look(id).attempts) == ([id], 0, [])

    def test_a_lapsed_one_is_given_back_once_its_host_had_time_to_speak(self, app: Flask) -> None:
        id = queue(state="sending", lease_until=ago(seconds=1) - deliveries.GRACE, lease_token=TOKEN)
        with transaction() as session:
            deliveries.release_lapsed(session)
        assert look(id).state == "queued"

    def test_one_that_lapsed_just_now_waits_for_its_host(self, app: Flask) -> None:
        id = queue(state="sending", lease_until=ago(seconds=1), lease_token=TOKEN)
        with transaction() as session:
            deliveries.release_lapsed(session)
        assert look(id).state == "sending"

    def test_renewing_prolongs_only_ones_own(self, app: Flask) -> None:
        mine, other = (queue(state="sending", lease_until=ago(seconds=1), lease_token=uuid.UUID(int=n)) for n in (1, 2))
        with transaction() as session:
            deliveries.renew(session, TOKEN)
        assert (look(mine).lease_until > utcnow(), look(other).lease_until > utcnow()) == (True, False)  # type: ignore[operator]


class TestSettle:
    def test_what_was_accepted_is_sent_with_the_relays_words(self, app: Flask) -> None:
        id = queue()
        settle(claim(), "accepted", "250 ok")
        row = look(id)
        assert (row.state, row.sent_at is not None, row.attempts[-1]["reply"]) == ("sent", True, "250 ok")

    @pytest.mark.parametrize(("tries", "wait"), [(0, 60), (1, 300), (7, 300)])
    def test_what_was_deferred_waits_as_configured(self, app: Flask, tries: int, wait: int) -> None:
        id = queue(tries=tries)
        settle(claim(), "deferred", "451 later")
        row = look(id)
        assert (row.state, row.tries) == ("queued", tries + 1)
        assert wait * 0.8 < (row.due_at - utcnow()).total_seconds() < wait * 1.2

    def test_what_was_not_tried_costs_nothing(self, app: Flask) -> None:
        id = queue()
        settle(claim(), "unsent", "the relay is away")
        row = look(id)
        assert (row.state, row.tries, row.attempts, row.due_at <= utcnow()) == ("queued", 0, [], True)

    @pytest.mark.parametrize("outcome", ["accepted", "deferred", "unsent"])
    def test_a_late_report_changes_nothing(self, app: Flask, outcome: str) -> None:
        id = queue()
        old = claim()
        with transaction() as session:
            deliveries.release(session, TOKEN)
        claim(token=uuid.UUID(int=2))
        settle(old, outcome)
        assert (look(id).state, look(id).lease_token) == ("sending", uuid.UUID(int=2))

    @pytest.mark.parametrize("outcome", ["deferred", "unsent"])
    def test_a_second_report_changes_nothing(self, app: Flask, outcome: str) -> None:
        id = queue()
        claimed = claim()
        settle(claimed, "accepted", "250 ok")
        settle(claimed, outcome, "450 no")
        assert (look(id).state, len(look(id).attempts)) == ("sent", 1)

    def test_a_state_is_left_only_for_one_that_may_follow(self, app: Flask) -> None:
        left = {}
        for end in deliveries.MAY_FOLLOW:
            ids = {start: queue(state=start) for start in (*deliveries.MAY_FOLLOW, "skipped")}
            with transaction() as session:
                deliveries.move(session, Delivery.id.in_(ids.values()), end)
            left[end] = {start for start, id in ids.items() if start != end and look(id).state == end}
        assert left == {end: set(starts) for end, starts in deliveries.MAY_FOLLOW.items()}


def accept(**changes: Any) -> None:
    """Something to tell to the only account."""
    with transaction() as session:
        telling = dispatch.Telling(KINDS["maintenance"], "test", "1", **changes)
        dispatch.accept(session, telling, utcnow(), session.execute(select(Account.id)).scalar_one())


@pytest.fixture
def told(api: Api, work: Work) -> Callable[..., None]:
    """Announces to one account with these delivery addresses, and delivers."""

    def run(*own: str) -> None:
        addresses = {"announcements": [{"email": email, "state": "verified"} for email in own]}
        api.put("/v1/accounts/C-1", account(registered_email="owner@one.example", send_email=addresses))
        published(api)
        work()

    return run


def again(work: Work) -> None:
    """What waits for its back-off is due."""
    change(Delivery.state == "queued", due_at=ago(seconds=1))
    wake.now("sweep")
    work()


class TestRefusals:
    def test_a_temporary_one_is_tried_again_and_its_words_are_kept(self, api: Api, told: Any, work: Work, smtp: Server) -> None:
        smtp.refuse("owner@one.example", "450 4.2.0 greylisted, come back", "451 4.3.0 still busy")
        told()
        again(work)
        again(work)
        (mail,) = [item for item in api.get("/v1/deliveries").json["items"] if item["channel"] == "email"]
        assert mail["state"] == "sent"
        assert [attempt["reply"] for attempt in mail["attempts"]] == [
            "450 4.2.0 greylisted, come back",
            "451 4.3.0 still busy",
            "250 2.0.0 kept",
        ]

    @pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "550 5.2.1 mailbox disabled"])
    def test_a_mailbox_that_is_gone_bounces_and_the_mail_goes_to_the_registered_address_at_once(
        self, told: Any, smtp: Server, reply: str
    ) -> None:
        smtp.refuse("noc@one.example", reply)
        told("noc@one.example")
        assert mails("state", "rule") == [("noc@one.example", "failed", 3), ("owner@one.example", "sent", 4)]
        assert status("noc@one.example") == "bouncing"

    @pytest.mark.parametrize("reply", ["550 5.7.1 blocked by policy", "552 5.2.2 mailbox full"])
    def test_another_refusal_concerns_this_mail_only(self, told: Any, smtp: Server, reply: str) -> None:
        smtp.refuse("noc@one.example", reply)
        told("noc@one.example")
        assert mails() == [("noc@one.example", "failed"), ("owner@one.example", "sent")]
        assert status("noc@one.example") == "ok"

    def test_the_account_is_asked_to_mend_its_mailbox(self, api: Api, told: Any, smtp: Server) -> None:
        smtp.refuse("noc@one.example", "550 5.1.1 no such user")
        told("noc@one.example")
        (notice,) = [item for item in api.get("/v1/accounts/C-1/inbox").json["items"] if item["kind"] == "repair"]
        assert "noc@one.example" in notice["text"]

    def test_a_bouncing_mailbox_is_in_the_audit_log(self, told: Any, smtp: Server) -> None:
        smtp.refuse("noc@one.example", "550 5.1.1 no such user")
        told("noc@one.example")
        with reading() as session:
            (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "mailbox.bouncing"))
            assert entry.details["reply"].startswith("550")

    def test_another_address_of_the_category_is_enough(self, told: Any, smtp: Server) -> None:
        smtp.refuse("noc@one.example", "550 5.1.1 no such user")
        told("noc@one.example", "ops@one.example")
        assert mails() == [("noc@one.example", "failed"), ("ops@one.example", "sent")]

    def test_two_addresses_that_are_refused_are_replaced_by_one(self, told: Any, smtp: Server) -> None:
        for address in ("noc@one.example", "ops@one.example"):
            smtp.refuse(address, "550 5.7.1 no")
        told("noc@one.example", "ops@one.example")
        assert mails() == [("noc@one.example", "failed"), ("ops@one.example", "failed"), ("owner@one.example", "sent")]

    def test_where_all_are_refused_nothing_usable_is_left(self, told: Any, smtp: Server) -> None:
        smtp.refuse("noc@one.example", "550 5.1.1 no such user")
        smtp.refuse("owner@one.example", "550 5.7.1 no")
        told("noc@one.example")
        assert mails("state", "rule", "reason")[-1] == (None, "skipped", 5, "no usable address")

    def test_the_next_announcement_spares_the_bouncing_mailbox(self, api: Api, told: Any, work: Work, smtp: Server) -> None:
        smtp.refuse("noc@one.example", "550 5.1.1 no such user")
        told("noc@one.example")
        smtp.mails.clear()
        published(api)
        work()
        assert [mail.to for mail in smtp.mails] == ["owner@one.example"]

    def test_it_is_given_up_after_48_hours_and_goes_elsewhere(self, told: Any, work: Work, smtp: Server) -> None:
        smtp.refuse("noc@one.example", "450 4.2.0 later", "450 4.2.0 later")
        told("noc@one.example")
        change(Delivery.state == "queued", queued_at=ago(hours=48, minutes=1))
        again(work)
        assert mails() == [("noc@one.example", "failed"), ("owner@one.example", "sent")]

    def test_before_48_hours_it_is_not_given_up(self, told: Any, work: Work, smtp: Server) -> None:
        smtp.refuse("noc@one.example", "450 4.2.0 later", "450 4.2.0 later")
        told("noc@one.example")
        change(Delivery.state == "queued", queued_at=ago(hours=47, minutes=58))
        again(work)
        assert mails() == [("noc@one.example", "queued")]

    def test_an_address_that_became_usable_meanwhile_is_not_forgotten(self, api: Api, work: Work, smtp: Server) -> None:
        pending = {"announcements": [{"email": "noc@one.example", "state": "pending"}]}
        verified = {"announcements": [{"email": "noc@one.example", "state": "verified"}]}
        api.put("/v1/accounts/C-1", account(send_email=pending))
        smtp.refuse("owner@one.example", "450 4.2.0 later", "550 5.1.1 gone")
        published(api)
        work()
        api.put("/v1/accounts/C-1", account(send_email=verified))
        again(work)
        assert [mail.to for mail in smtp.mails if mail.message["Subject"] == "Network maintenance"] == ["noc@one.example"]


def status(email: str) -> str:
    with reading() as session:
        return session.execute(select(Mailbox.status).where(Mailbox.email == email)).scalar_one()


class TestLateRefusals:
    """Reports that come after the lease was lost, or twice."""

    @pytest.fixture
    def refused_late(self, api: Api) -> None:
        own = {"announcements": [{"email": "noc@one.example", "state": "verified"}]}
        api.put("/v1/accounts/C-1", account(send_email=own))
        accept()
        old = claim()
        with transaction() as session:
            deliveries.release(session, TOKEN)
        claim(token=uuid.UUID(int=2))
        settle(old, "refused", "550 5.1.1 no such user", gone=True)

    def test_they_mark_no_mailbox(self, refused_late: None) -> None:
        assert status("noc@one.example") == "ok"

    def test_they_route_nothing_anew(self, refused_late: None) -> None:
        assert mails() == [("noc@one.example", "sending")]


class TestSendBefore:
    @pytest.fixture
    def late(self, api: Api, work: Work) -> None:
        api.put("/v1/accounts/C-1", account())
        accept(send_before=ago(seconds=1))
        work()

    def test_what_comes_too_late_is_not_sent(self, late: None, smtp: Server) -> None:
        assert smtp.mails == []

    def test_it_has_failed_and_says_why(self, late: None) -> None:
        ((_, state, reason),) = mails("state", "reason")
        assert (state, "too late" in reason, "refused" in reason) == ("failed", True, False)


def test_two_refusals_at_the_same_time_leave_nobody_untold(app: Flask, api: Api) -> None:
    """Two workers, each with one of the account's two addresses."""
    own = {"announcements": [{"email": email, "state": "verified"} for email in ("a@one.example", "b@one.example")]}
    api.put("/v1/accounts/C-1", account(send_email=own))
    with transaction() as session:
        dispatch.accept(
            session, dispatch.Telling(KINDS["maintenance"], "test", "1"), utcnow(), session.execute(select(Account.id)).scalar_one()
        )
    begun = threading.Barrier(2)
    errors = []

    def run(number: int) -> None:
        with app.app_context():
            try:
                token = uuid.UUID(int=number)
                claimed = claim(1, token)
                begun.wait(5)
                settle(claimed, "refused", "550 5.7.1 no", token)
            except Exception as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert ("owner@one.example", "queued") in mails()
