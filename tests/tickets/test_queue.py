"""In which order agents see what waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from notifyhub.database import db, transaction, utcnow
from notifyhub.models import Ticket
from notifyhub.tickets import listing, queue
from tests.conftest import Api
from tests.tickets.steps import agent, answered, asked, changed, customer, opened, urgent

NOW = utcnow()


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)
    customer(api, "C-2")


def queued(limit: int = 50, **wanted: Any) -> list[int]:
    """Numbers in order, page by page."""
    db.session.remove()
    found, after = [], None
    while True:
        rows, after = queue.page(db.session(), queue.Wanted(**wanted), after, limit)
        found += [row.ticket.number for row in rows]
        if after is None:
            return found


def numbers(*tickets: Ticket) -> list[int]:
    return [ticket.number for ticket in tickets]


def test_priority_comes_before_time_left_and_the_clock_before_the_rest() -> None:
    later, sooner = opened(now=ago(1)), opened(now=ago(8))
    high_later, high_sooner = urgent(now=ago(2)), urgent(now=ago(9))
    waits_longer, waits, high_waits = opened(now=ago(90)), opened(now=ago(90)), urgent(now=ago(90))
    for ticket, minutes in ((waits_longer, 30), (waits, 20), (high_waits, 10)):
        answered(ticket, now=ago(60))
        asked(ticket, now=ago(minutes))
    theirs, high_theirs = opened(now=ago(70)), urgent(now=ago(70))
    answered(theirs, now=ago(65))
    answered(high_theirs, now=ago(50))
    expected = numbers(high_sooner, high_later, high_waits, sooner, later, waits_longer, waits, high_theirs, theirs)
    assert queued() == expected
    assert queued(limit=2) == expected


def test_a_second_question_does_not_lose_its_place() -> None:
    first, second = opened(now=ago(90)), opened(now=ago(90))
    for ticket in (first, second):
        answered(ticket, now=ago(60))
    asked(first, now=ago(30))
    asked(second, now=ago(20))
    asked(first, now=ago(10))
    assert queued() == numbers(first, second)


def test_a_raised_priority_raises_its_place_at_once() -> None:
    first, second = opened(now=ago(5)), opened(now=ago(4))
    changed(second, priority="high")
    assert queued() == numbers(second, first)


def test_what_is_over_is_not_in_it_and_found_newest_first() -> None:
    waits, resolved, closed, resolved_later = opened(), opened(), opened(), opened()
    changed(resolved, status="resolved", now=ago(2))
    changed(resolved_later, status="resolved", now=ago(1))
    changed(closed, status="closed")
    assert queued() == numbers(waits)
    assert queued(status="resolved", limit=1) == numbers(resolved_later, resolved)
    assert queued(status="closed") == numbers(closed)


def test_it_is_seen_by_department_status_and_assignee() -> None:
    ada = agent()
    technical, financial, hers, answered_one = opened(now=ago(4)), opened(department="financial", now=ago(3)), opened(now=ago(2)), opened()
    changed(hers, assignee=ada)
    answered(answered_one)
    assert queued(department="financial") == numbers(financial)
    assert queued(status="open") == numbers(technical, financial, hers)
    assert queued(status="waiting_for_customer") == numbers(answered_one)
    assert queued(assignee_id=ada.id) == numbers(hers)
    assert queued(assignee_id=0) == numbers(technical, financial, answered_one)


def test_a_row_brings_its_account_and_assignee() -> None:
    ada = agent()
    changed(opened(), assignee=ada)
    ((row,), _) = queue.page(db.session(), queue.Wanted(), None, 10)
    assert row.account
    assert row.assignee
    assert (row.account.external_id, row.assignee.name) == ("C-1", "Ada Agent")


def test_it_is_counted() -> None:
    ada = agent()
    for ticket in (opened(), opened(department="financial"), urgent()):
        changed(ticket, assignee=ada)
    waits, theirs, over = opened(), opened(), opened()
    answered(waits, status="open")
    answered(theirs)
    changed(over, status="closed")
    assert queue.counts(db.session(), queue.Wanted()) == queue.Counts(3, 4, 1, 2)
    assert queue.counts(db.session(), queue.Wanted(department="financial", status="resolved")) == queue.Counts(1, 1, 0, 0)


def test_the_queue_and_the_clock_walk_their_indexes(app: Flask) -> None:
    """Whatever else there is."""
    with transaction() as session:
        session.execute(text("ANALYZE"))
        plans = []
        for query in (
            "SELECT id FROM ticket WHERE rank < 6 ORDER BY rank, waiting_at, id LIMIT 50",
            "SELECT id FROM ticket WHERE alert_at <= '2026-01-01 00:00:00+00' ORDER BY alert_at LIMIT 100",
        ):
            if db.engine.dialect.name == "postgresql":
                session.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"))
                plans.append("\n".join(session.execute(text(f"EXPLAIN {query}")).scalars()))
            else:
                plans.append("\n".join(str(row) for row in session.execute(text(f"EXPLAIN QUERY PLAN {query}"))))
    assert "ix_ticket_queue" in plans[0]
    assert "ix_ticket_alert" in plans[1]


class TestListing:
    def listed(self, limit: int = 50, **wanted: Any) -> list[int]:
        db.session.remove()
        found: list[int] = []
        before = None
        while rows := listing.page(db.session(), listing.Wanted(**wanted), before, limit):
            found += [row.ticket.number for row in rows]
            before = (rows[-1].ticket.created_at, rows[-1].ticket.id)
        return found

    def test_an_account_finds_its_own_newest_first(self) -> None:
        first, second, _ = opened(), opened(), opened("C-2")
        assert self.listed(account_id=first.account_id) == numbers(second, first)
        assert self.listed(account_id=first.account_id, limit=1) == numbers(second, first)

    def test_it_is_filtered(self) -> None:
        ticket, financial, high, over = opened(), opened(department="financial"), urgent(), opened()
        changed(over, status="resolved")
        assert self.listed(departments=("financial",)) == numbers(financial)
        assert self.listed(priority="high") == numbers(high)
        assert self.listed(statuses=("open", "closed")) == numbers(high, financial, ticket)

    def test_what_is_neither_resolved_nor_closed_is_counted(self) -> None:
        ticket, over, _ = opened(), opened(), opened("C-2")
        changed(over, status="resolved")
        assert ticket.account_id
        assert listing.unresolved(db.session(), ticket.account_id) == 1
