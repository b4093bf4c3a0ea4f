"""What was promised, measured: medians of the last 30 days, kept as rows."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from notifyhub import response_times
from notifyhub.database import db, first_id, transaction, utcnow
from notifyhub.jobs import sweep
from notifyhub.models import Delivery, ResponseTime, TicketMessage
from notifyhub.response_times import MAILS_OF_A_SLICE, NOTHING, PERIOD, RENEWED_EVERY, Figure, Way
from notifyhub.tickets import measuring
from tests.conftest import Api
from tests.tickets.steps import answered, apart, asked, changed, customer, noted, opened

NOW = utcnow()


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)


def ticket(days_ago: float, minutes: float | None = None, via: str = "page") -> int:
    """Answered after so many minutes, or not."""
    at = NOW - timedelta(days=days_ago)
    row = opened(now=at)
    if minutes is not None:
        answered(row, now=at + timedelta(minutes=minutes))
    with transaction() as session:
        session.execute(update(TicketMessage).where(TicketMessage.ticket_id == row.id, TicketMessage.author == "customer").values(via=via))
    return row.number


def mails(days_ago: float, seconds: Sequence[float | None], state: str = "sent", dated_back: timedelta = timedelta(0)) -> None:
    """Each sent so many seconds after it was queued, or not at all."""
    at = NOW - timedelta(days=days_ago)
    with transaction() as session:
        for number, took in enumerate(seconds):
            queued_at = at + timedelta(milliseconds=number)
            session.add(Delivery(
                id=uuid.UUID(int=first_id(queued_at).int + random.getrandbits(62)), notification_id=uuid.uuid4(), channel="email",
                mailbox_id=1, lane=2, state=state, rule=4, reason="registered address", queued_at=queued_at - dated_back,
                due_at=queued_at, tries=0, attempts=[], sent_at=queued_at + timedelta(seconds=took) if took is not None else None,
            ))  # fmt: skip
    db.session.remove()


def measured(way: Way) -> Figure:
    db.session.remove()
    return apart(response_times.measure(db.session(), NOW))[way]


def minutes(figure: Figure) -> float | None:
    return figure.median.total_seconds() / 60 if figure.median is not None else None


# --- tickets


def test_half_of_the_tickets_were_answered_sooner(app: Flask) -> None:
    for days, took in enumerate((3, 200, 4, 6, 5), 1):
        ticket(days, took)
    assert measured("ticket") == Figure(timedelta(minutes=5), 5)


def test_too_few_say_nothing(app: Flask) -> None:
    for _ in range(4):
        ticket(1, 3)
    assert measured("ticket") == Figure(None, 4)


def test_tickets_by_mail_are_measured_apart(app: Flask) -> None:
    for _ in range(5):
        ticket(1, 4)
        ticket(1, 4, via="api")
        ticket(1, 20, via="mail")
    assert (measured("ticket"), measured("email")) == (Figure(timedelta(minutes=4), 10), Figure(timedelta(minutes=20), 5))


def test_a_ticket_belongs_to_the_way_it_was_opened_by_whatever_follows(app: Flask) -> None:
    row = opened(now=NOW - timedelta(hours=1))
    answered(row, now=NOW - timedelta(minutes=57))
    asked(row, now=NOW - timedelta(minutes=50))
    with transaction() as session:
        newest = select(TicketMessage.id).order_by(TicketMessage.created_at.desc()).limit(1).scalar_subquery()
        session.execute(update(TicketMessage).where(TicketMessage.id == newest).values(via="mail"))
    assert (measured("ticket").number, measured("email").number) == (1, 0)


def test_one_that_is_late_counts_with_the_time_it_has_waited(app: Flask) -> None:
    """A support that answers three and leaves four has no median of minutes."""
    for _ in range(3):
        ticket(2, 2)
    for _ in range(4):
        ticket(1)
    assert minutes(measured("ticket")) == 24 * 60


def test_one_that_is_not_late_yet_says_nothing(app: Flask) -> None:
    for _ in range(5):
        ticket(1, 8)
    for _ in range(7):
        ticket(1 / 24 / 60)  # a minute ago
    assert measured("ticket") == Figure(timedelta(minutes=8), 5)


def test_a_note_is_no_answer_and_what_was_over_before_one_is_not_counted(app: Flask) -> None:
    row = opened(now=NOW - timedelta(hours=1))
    noted(row)
    assert measuring.first_responses(db.session(), NOW - PERIOD, NOW, 9, NOW) == {"page": [timedelta(hours=1)]}
    changed(row, status="resolved", now=NOW)
    assert measured("ticket").number == 0


def test_one_bad_day_is_not_the_whole_month(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_times, "TICKETS_OF_A_SLICE", 3)
    for _ in range(9):
        ticket(3.01, 300)
    for days in range(4, 8):
        ticket(days, 5)
    assert measured("ticket") == Figure(timedelta(minutes=5), 7)


def test_what_was_opened_longer_ago_is_not_counted(app: Flask) -> None:
    for _ in range(5):
        ticket(31, 600)
    ticket(29, 4)
    assert measured("ticket").number == 1


# --- mails


def test_half_of_the_mails_left_sooner(app: Flask) -> None:
    mails(1, [0.2, 0.4, 0.3, 90, 3600])
    assert measured("notification") == Figure(timedelta(seconds=0.4), 5)


def test_mails_that_never_left_have_no_time_of_leaving(app: Flask) -> None:
    mails(1, [None] * 5, state="skipped")
    mails(2, [None] * 5, state="queued")
    assert measured("notification") == NOTHING


def test_one_that_came_back_had_left(app: Flask) -> None:
    mails(1, [2] * 5, state="bounced")
    assert measured("notification") == Figure(timedelta(seconds=2), 5)


def test_one_announcement_to_everyone_is_not_the_whole_month(app: Flask) -> None:
    mails(3, [300] * 400)
    for days in range(4, 24):
        mails(days, [1] * 4)
    figure = measured("notification")
    assert figure == Figure(timedelta(seconds=1), MAILS_OF_A_SLICE + 80)


def test_mails_of_before_are_not_counted(app: Flask) -> None:
    mails(30.01, [500] * 9)
    mails(29.99, [1] * 5)
    assert measured("notification") == Figure(timedelta(seconds=1), 5)


def test_what_was_dated_back_did_not_wait(app: Flask) -> None:
    mails(1, [1] * 9, dated_back=timedelta(days=4))
    assert measured("notification") == NOTHING


# --- kept


def kept() -> response_times.Figures:
    db.session.remove()
    return apart(response_times.read(db.session()))


def test_before_they_are_measured_there_are_none(app: Flask) -> None:
    assert kept().of("ticket") == NOTHING
    assert kept().measured_at is None


def test_the_sweep_measures_them(app: Flask) -> None:
    for _ in range(5):
        ticket(1, 4)
    sweep.run()
    assert kept().of("ticket") == Figure(timedelta(minutes=4), 5)
    assert kept().of("email") == NOTHING


def test_they_are_renewed_every_few_minutes_and_not_with_each_sweep(app: Flask) -> None:
    sweep.run()
    first = kept().measured_at
    assert first is not None
    sweep.run()
    assert kept().measured_at == first
    _put_back(RENEWED_EVERY)
    ticket(1, 4)
    sweep.run()
    assert kept().of("ticket").number == 1


def _put_back(by: timedelta) -> None:
    with transaction() as session:
        for row in session.scalars(select(ResponseTime)):
            row.measured_at -= by
    db.session.remove()


def test_a_clock_that_runs_ahead_makes_no_time_below_zero(app: Flask) -> None:
    mails(1, [-3] * 5)
    with transaction() as session:
        response_times.keep(session, response_times.measure(session, NOW), NOW)
    assert kept().of("notification") == Figure(timedelta(0), 5)


def test_two_sweeps_at_once_keep_one_row_of_each(app: Flask) -> None:
    figures: dict[Way, Figure] = {"ticket": Figure(timedelta(minutes=4), 5), "email": NOTHING, "notification": NOTHING}

    def keep(now: datetime) -> None:
        with app.app_context(), transaction() as session:
            response_times.keep(session, figures, now)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(keep, [NOW + timedelta(seconds=number) for number in range(8)]))
    assert sorted(kept().by_way) == ["email", "notification", "ticket"]


@pytest.mark.parametrize("milliseconds", [0, 1, 10**12, 1_790_000_000_123])
def test_no_id_of_a_time_is_smaller_than_the_first(milliseconds: int) -> None:
    made = uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (1 << 63))
    at = datetime.fromtimestamp(milliseconds / 1000, tz=NOW.tzinfo)
    assert first_id(at) <= made < first_id(at + timedelta(milliseconds=1))
