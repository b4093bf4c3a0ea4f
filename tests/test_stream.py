"""An inbox followed live, over a real server."""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from notifyhub import wake
from notifyhub.database import db, utcnow
from notifyhub.jobs import fan_out
from notifyhub.news import News
from notifyhub.routes.streams import LOOK_BACK, since_event
from tests.announcements.steps import published
from tests.builders import account
from tests.conftest import KEY, Api
from tests.test_inbox import add

INBOX = "/v1/accounts/C-1/inbox"


@pytest.mark.parametrize("id", [None, "", "nonsense", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "ffffffff-ffff-7fff-bfff-ffffffffffff"])
def test_an_id_that_says_no_time_resumes_nothing(id: str | None) -> None:
    assert since_event(id) is None


def test_an_id_from_the_future_does_not_hide_what_comes() -> None:
    later = int((utcnow() + timedelta(days=1)).timestamp() * 1000)
    since = since_event(str(uuid.UUID(int=later << 80 | 7 << 76 | 2 << 62)))
    assert since is not None
    assert since <= utcnow() - LOOK_BACK


class Event(NamedTuple):
    name: str
    data: Any
    id: str | None


class Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        pass


@pytest.fixture
def port(app: Flask, api: Api) -> Iterator[int]:
    """Of a server with two accounts."""
    for id in ("C-1", "C-2"):
        api.put(f"/v1/accounts/{id}", account())
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()


@contextmanager
def following(port: int, account_id: str = "C-1", last: str | None = None) -> Iterator[Iterator[Event]]:
    """The stream's events, once it has said how many are unread."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    headers = {"Authorization": f"Bearer {KEY}"} | ({"Last-Event-ID": last} if last else {})
    connection.request("GET", f"/v1/accounts/{account_id}/inbox/stream", headers=headers)
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    try:
        yield events(answer)
    finally:
        connection.close()


def events(answer: http.client.HTTPResponse) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in answer:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "event" in fields:
            yield Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
            fields = {}
        else:
            fields = {}


def first(stream: Iterator[Event], name: str) -> Event:
    return next(event for event in stream if event.name == name)


def announce(api: Api, **changes: Any) -> None:
    fan_out.run(published(api, **changes), 1)
    db.session.remove()


def test_it_begins_with_the_number_of_unread(port: int) -> None:
    add(2)
    with following(port) as stream:
        assert next(stream) == Event("count", {"unread": 2}, None)


def test_what_is_told_comes_as_it_stands_in_the_inbox(api: Api, port: int) -> None:
    with following(port) as stream:
        first(stream, "count")
        announce(api)
        event = first(stream, "notification")
    (item,) = api.get(INBOX).json["items"]
    assert (event.data, event.id) == (item, item["id"])


def test_the_count_follows(api: Api, port: int) -> None:
    with following(port) as stream:
        first(stream, "count")
        announce(api)
        assert first(stream, "count").data == {"unread": 1}


def test_what_is_read_elsewhere_is_told(api: Api, port: int) -> None:
    (id,) = add()
    with following(port) as stream:
        first(stream, "count")
        api.post(f"{INBOX}/{id}/read")
        told = {event.name: event.data for event in (next(stream), next(stream))}  # in either order
    assert (told["read"]["ids"], told["count"]) == ([id], {"unread": 0})


def test_the_first_follower_is_told_from_its_first_look_on(app: Flask, api: Api) -> None:
    """Subscribing takes a while, and what is published before that is gone."""
    news: News = app.extensions["news"]
    with news.follow(1) as hints:
        assert news.subscribed.is_set()
        assert hints.empty() or hints.get() == {"new": True}


def test_what_came_while_the_line_to_redis_was_cut_is_told(api: Api, port: int) -> None:
    with following(port) as stream:
        first(stream, "count")
        wake.client().client_kill_filter(_type="pubsub")
        announce(api)
        assert first(stream, "notification").data["kind"] == "maintenance"


def test_what_is_there_already_is_no_news(api: Api, port: int) -> None:
    add()
    with following(port) as stream:
        first(stream, "count")
        announce(api)
        assert first(stream, "notification").data["kind"] == "maintenance"


def test_what_was_being_written_while_it_began_is_told(api: Api, port: int) -> None:
    """A chunk of a fan-out takes a second from its time to its commit."""
    with following(port) as stream:
        first(stream, "count")
        add(created_at=utcnow() - timedelta(seconds=2))
        announce(api)
        assert {first(stream, "notification").data["kind"] for _ in range(2)} == {"maintenance", "repair"}


def test_on_resume_the_last_five_minutes_come_again(port: int) -> None:
    before, lately = add(minutes=6)[0], [*add(minutes=4), *add()]
    with following(port, last=lately[-1]) as stream:
        ids = [first(stream, "notification").id for _ in lately]
        assert (ids, before in ids, next(stream).name) == (lately, False, "count")


def test_the_things_of_another_account_are_not_in_it(api: Api, port: int) -> None:
    api.put("/v1/accounts/C-2", account(services=[{"order_number": "#2", "location": "ams2"}]))
    with following(port, "C-2") as stream:
        first(stream, "count")
        announce(api, audience={"accounts": ["C-1"]})
        announce(api, audience={"accounts": ["C-2"]}, kind="outage")
        assert first(stream, "notification").data["kind"] == "outage"
