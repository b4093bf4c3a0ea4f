"""Tickets followed live by staff, over a real server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.serving import make_server

from notifyhub import access, staff
from notifyhub.database import transaction, utcnow
from notifyhub.routes.staff.following import FURTHEST, time_of
from tests.browserless import Browser
from tests.conftest import Api
from tests.test_stream import Event, Quiet, events
from tests.tickets.steps import answered, changed, customer, noted, opened


@pytest.fixture
def port(app: Flask, api: Api) -> Iterator[int]:
    customer(api)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@contextmanager
def following(app: Flask, port: int, role: str = "agent", last: str | None = None) -> Iterator[Iterator[Event]]:
    token = Browser(app).as_staff(role, email=f"{role}@staff.example").cookie(access.STAFF_COOKIE)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=8)
    headers = {"Cookie": f"{access.STAFF_COOKIE}={token}"} | ({"Last-Event-ID": last} if last else {})
    connection.request("GET", "/staff/tickets/stream", headers=headers)
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    try:
        yield events(answer)
    finally:
        connection.close()


def milliseconds() -> str:
    return str(int(utcnow().timestamp() * 1000))


def test_it_says_which_tickets_changed_and_how_many_need_an_answer(app: Flask, port: int) -> None:
    with following(app, port) as told:
        first = next(told)
        assert (first.name, first.data) == ("tickets", {"numbers": [], "all": True, "alerts": 0})
        late = opened(now=utcnow() - timedelta(minutes=11))
        changed(late, priority="high")
        assert next(told).data == {"numbers": [late.number], "all": False, "alerts": 1}
        answered(late)
        assert next(told).data == {"numbers": [late.number], "all": False, "alerts": 0}
        noted(late)
        assert next(told).data["numbers"] == [late.number]


def test_what_changed_since_the_page_was_made_is_told_at_once(app: Flask, port: int) -> None:
    last = milliseconds()
    ticket = opened()
    with following(app, port, last=last) as told:
        assert next(told).data == {"numbers": [ticket.number], "all": False, "alerts": 0}


def test_each_hears_of_what_it_may_read(app: Flask, port: int) -> None:
    last = milliseconds()
    opened()
    money = opened(department="financial")
    with following(app, port, "billing", last) as told:
        assert next(told).data["numbers"] == [money.number]


def test_it_ends_with_the_session(app: Flask, port: int) -> None:
    with following(app, port) as told:
        next(told)
        with transaction() as session:
            staff.disable(session, "agent@staff.example", utcnow())
        opened()
        assert list(told) == []


def test_who_may_not_read_tickets_follows_none(app: Flask) -> None:
    assert Browser(app).as_staff("abuse", email="a@staff.example").get("/staff/tickets/stream").status_code == 403


@pytest.mark.parametrize(
    "id",
    [None, "", "x", "-1", "9" * 30, str(int((utcnow() - FURTHEST).timestamp() * 1000) - 1000)],
    ids=["none", "empty", "a letter", "before 1970", "far", "too long ago"],
)
def test_an_id_that_says_no_time_near_enough_resumes_nothing(id: str | None) -> None:
    assert time_of(id) is None
