"""Several people at the same ticket, at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from notifyhub.database import db, transaction, utcnow
from notifyhub.models import Notification, Staff, Ticket
from notifyhub.tickets import changes, promise
from tests.accounts.concurrency import at_once, meanwhile
from tests.conftest import Api, Templates
from tests.tickets.steps import agent, answered, asked, customer, document, opened, read, told, whole


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)
    customer(api, "C-2")


def test_every_ticket_gets_a_number_of_its_own(app: Flask) -> None:
    def open_five(account: str) -> Callable[[Api], list[int]]:
        return lambda api: [api.post("/v1/tickets", document(account=account)).json["number"] for _ in range(5)]

    found = at_once(app, *(open_five(account) for account in ("C-1", "C-2", "C-1", "C-2")))
    numbers = [number for ones in found for number in ones]
    assert len(set(numbers)) == 20
    assert all(ones == sorted(ones) for ones in found)


def test_two_agents_take_the_same_ticket_and_one_is_told_so(app: Flask) -> None:
    ticket, ids = opened(), [agent(f"{name}@staff.example", name=name).id for name in ("Ada", "Bo")]

    def take(id: int) -> Callable[[Api], str | None]:
        def run(_: Api) -> str | None:
            with transaction() as session:
                try:
                    changes.take(session, ticket.number, session.get_one(Staff, id), utcnow())
                except changes.Taken as taken:
                    return taken.who.name
            return None

        return run

    first, second = at_once(app, *(take(id) for id in ids))
    winner = read(ticket).assignee_id
    assert [first, second] == ([None, "Ada"] if winner == ids[0] else ["Bo", None])
    assert len(whole(ticket).changes) == 1


def test_two_replies_at_the_same_moment_are_both_kept_and_told(app: Flask) -> None:
    ticket = opened()
    at_once(app, lambda _: answered(ticket, "One"), lambda _: answered(ticket, "Two"), lambda _: asked(ticket, "Three"))
    assert sorted(message.body for message in whole(ticket).messages[1:]) == ["One", "Three", "Two"]
    assert sorted(data["reply_markdown"] for data in told() if "reply_markdown" in data) == ["One", "Two"]
    revisions = db.session.scalars(select(Notification.revision).where(Notification.source == "ticket")).all()
    assert sorted(revisions) == [1, 2, 3]


def test_two_sweeps_alert_once(app: Flask) -> None:
    agent()
    ticket, later = opened(), utcnow() + timedelta(minutes=8)

    def alert(_: Api) -> None:
        with transaction() as session:
            promise.alert(session, ticket.id, later)

    at_once(app, alert, alert)
    assert len(told(promise.SOURCE)) == 1


class TestErasure:
    """Whatever was begun before it is erased too, and what comes after it finds nothing."""

    @pytest.fixture
    def database_url(self, templates: Templates) -> str:
        return templates.copy("postgresql")  # SQLite has one writer at a time

    @pytest.mark.parametrize("what", ["reply", "open"])
    def test_it_waits_for_what_was_begun_before(self, app: Flask, what: str) -> None:
        ticket = opened()
        with transaction() as session:
            if what == "reply":
                asked(ticket, "secret")
            else:
                opened_here(session)
            erased = meanwhile(app, lambda api: api.delete("/v1/accounts/C-1").status_code)
        assert erased.result() == 204
        db.session.remove()
        assert {row.status for row in db.session.scalars(select(Ticket))} == {"closed"}
        assert {message.body for message in whole(ticket).messages} == {""}

    def test_a_reply_that_comes_after_it_is_refused(self, app: Flask, api: Api) -> None:
        ticket = opened()
        assert api.delete("/v1/accounts/C-1").status_code == 204
        answer: Any = api.post(f"/v1/tickets/{ticket.number}/messages", {"from": "customer", "body": "secret"})
        assert answer.status_code == 409


def opened_here(session: Any) -> None:
    from notifyhub.accounts import lookup
    from notifyhub.tickets import opening

    opening.open_ticket(session, lookup.find(session, "C-1"), document(body="secret"), (), "page", 10, utcnow())
