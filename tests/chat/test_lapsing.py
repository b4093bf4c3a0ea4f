"""Nobody answers in time, or nobody is there: the visitor is told honestly, and the question becomes a ticket."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask

from notifyhub import staff, wake
from notifyhub.chat import lapsing, presence
from notifyhub.chat.conversation import Over
from notifyhub.chat.states import GIVEN_UP, IDLE, LAST_WORDS
from notifyhub.database import transaction, utcnow
from notifyhub.tickets import opening
from tests.accounts.concurrency import at_once
from tests.chat.steps import PATIENCE, answered, asked, gone, present, read, someone, swept, ticket_of, told
from tests.tickets.steps import agent, opened

SECOND = timedelta(seconds=1)


def test_while_someone_is_there_it_waits_for_as_long_as_was_said(now: datetime, mine: dict[str, int]) -> None:
    present(now=now)
    asked(now=now, **mine)
    assert read().due_at == now + PATIENCE
    swept(now + PATIENCE - SECOND)
    assert (read().status, told()) == ("waiting", ["visitor: Is there a discount?"])
    swept(now + PATIENCE)
    assert (read().status, told()[1:]) == ("ticket", ["(late)", "(ticket)"])


def test_another_message_does_not_make_it_wait_longer(now: datetime, mine: dict[str, int]) -> None:
    present(now=now)
    asked(now=now, **mine)
    asked(now=now + 30 * SECOND)
    assert read().due_at == now + PATIENCE


def test_where_nobody_is_there_the_visitor_hears_of_it_at_once_and_may_finish(now: datetime, mine: dict[str, int]) -> None:
    asked("My server", now=now, **mine)
    assert told() == ["visitor: My server", "(nobody)"]
    asked("does not answer", now=now + 20 * SECOND)
    assert read().due_at == now + 20 * SECOND + LAST_WORDS
    swept(now + 20 * SECOND + LAST_WORDS)
    assert told() == ["visitor: My server", "(nobody)", "visitor: does not answer", "(ticket)"]


def test_who_goes_on_writing_to_nobody_waits_no_longer_than_was_said(now: datetime, mine: dict[str, int]) -> None:
    asked(now=now, **mine)
    asked(now=now + PATIENCE - SECOND)
    assert read().due_at == now + PATIENCE


def test_an_agent_who_comes_has_the_rest_of_the_time(now: datetime, mine: dict[str, int]) -> None:
    asked(now=now, **mine)
    present(now=now + LAST_WORDS)
    swept(now + LAST_WORDS)
    assert (read().status, read().due_at) == ("waiting", now + PATIENCE)


def test_whoever_answers_is_given_time_while_their_console_is_open(now: datetime, mine: dict[str, int]) -> None:
    asked(now=now, **mine)
    answered(now=now)
    asked("Thanks, I wait", now=now)
    later = now + PATIENCE
    present(now=later)
    swept(later)
    assert (read().status, read().due_at) == ("running", later + PATIENCE)


def test_once_they_are_gone_it_becomes_a_ticket_although_another_one_is_there(now: datetime, mine: dict[str, int]) -> None:
    console = present(now=now)
    asked(now=now, **mine)
    answered(now=now)
    asked("Thanks, I wait", now=now)
    gone(console)
    present(agent("bora@staff.example", name="Bora"), now=now + PATIENCE)
    swept(now + PATIENCE)
    assert read().status == "ticket"


def test_without_an_address_nothing_is_promised(now: datetime) -> None:
    asked(now=now)
    swept(now + LAST_WORDS)
    assert (read().status, told()) == ("unanswered", ["visitor: Is there a discount?", "(nobody)"])
    assert read().due_at == now + LAST_WORDS + GIVEN_UP
    asked("Hello?", now=now + timedelta(hours=1))  # is kept, for whoever comes
    answered(now=now + timedelta(hours=2))
    assert read().status == "running"


def test_what_is_never_answered_and_has_no_address_ends_after_a_day(now: datetime) -> None:
    asked(now=now)
    swept(now + LAST_WORDS)
    swept(now + LAST_WORDS + GIVEN_UP)
    assert (read().status, told()[-1]) == ("ended", "(ended)")


def test_once_answered_it_ends_when_nobody_says_anything_any_more(now: datetime) -> None:
    asked(now=now)
    answered(now=now)
    swept(now + IDLE - SECOND)
    assert read().status == "running"
    swept(now + IDLE)
    assert (read().status, read().due_at, told()[-1]) == ("ended", None, "(ended)")


def test_a_sweep_that_comes_twice_makes_one_ticket(now: datetime, mine: dict[str, int]) -> None:
    asked(now=now, **mine)
    swept(now + LAST_WORDS)
    ticket = ticket_of()
    swept(now + timedelta(days=3))
    assert (ticket_of().id, told().count("(ticket)")) == (ticket.id, 1)


def test_an_account_with_too_many_tickets_waits_for_its_turn(now: datetime, mine: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MOST_AN_HOUR", 1)
    opened(now=now)
    asked(now=now, **mine)
    swept(now + LAST_WORDS)
    assert (read().status, told()[-1]) == ("waiting", "(nobody)")
    swept(now + timedelta(hours=1, seconds=2))
    assert read().status == "ticket"


class TestPresence:
    def there(self, now: datetime) -> list[str]:
        with transaction() as session:
            assert presence.someone(session, now) == bool(presence.there(session, now))
            return [*presence.there(session, now)]

    def test_whoever_has_a_console_open_is_there_once(self, now: datetime) -> None:
        assert self.there(now) == []
        first, second = present(now=now), present(now=now)
        assert self.there(now) == ["Ada Agent"]
        gone(first)
        assert self.there(now) == ["Ada Agent"]
        gone(second)
        assert self.there(now) == []

    def test_a_console_that_says_nothing_any_more_counts_no_longer(self, now: datetime) -> None:
        console = present(now=now)
        present(now=now + 30 * SECOND, console=console)
        assert self.there(now + 30 * SECOND + presence.GONE_AFTER - SECOND) == ["Ada Agent"]
        assert self.there(now + 30 * SECOND + presence.GONE_AFTER) == []

    def test_who_was_disabled_is_not_there(self, now: datetime) -> None:
        present(now=now)
        with transaction() as session:
            staff.disable(session, someone().email, now)
        assert self.there(now) == []


def test_the_sweep_itself_does_it(app: Flask, mine: dict[str, int], work: Callable[[], None]) -> None:
    asked(now=utcnow() - timedelta(minutes=10), **mine)
    wake.now("sweep")
    work()
    assert read().status == "ticket"


def test_an_answer_and_the_end_of_patience_at_once_are_one_after_the_other(app: Flask, now: datetime, mine: dict[str, int]) -> None:
    asked(now=now, **mine)
    by = someone()

    def late() -> str:
        try:
            return f"staff: {answered('Just in time', by=by, now=now + LAST_WORDS).body}"
        except Over:
            return "over"

    _, said = at_once(app, lambda api: swept(now + LAST_WORDS), lambda api: late())
    assert (read().status, said) in (("ticket", "over"), ("running", "staff: Just in time"))
    assert ("(ticket)" in told()) == (said == "over")


def test_one_that_cannot_be_seen_to_stands_in_nobodys_way(
    app: Flask, mine: dict[str, int], work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(now=utcnow() - timedelta(minutes=10), **mine)

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(lapsing, "lapse", broken)
    wake.now("sweep")
    work()
    due_at = read().due_at
    assert due_at is not None
    assert due_at > utcnow()
