"""A conversation followed live over a real server, by its visitor and by consoles: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import http.client
import threading
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from flask import Flask
from werkzeug.serving import make_server

from notifyhub import access, staff, wake
from notifyhub.chat import presence
from notifyhub.database import db, transaction, utcnow
from notifyhub.routes import streams
from tests.browserless import Browser
from tests.chat.steps import account_id, answered, asked, ended, gone, handed_over, present, someone, token
from tests.conftest import Api
from tests.test_stream import Event, Quiet, events
from tests.tickets.steps import customer


@pytest.fixture
def port(app: Flask) -> Iterator[int]:
    someone()
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


@contextmanager
def listening(port: int, path: str, headers: dict[str, str]) -> Iterator[Iterator[Event]]:
    db.session.remove()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=8)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/event-stream")
    try:
        yield events(answer)
    finally:
        connection.close()


def visiting(port: int, last: int | None = None, name: str = "one") -> AbstractContextManager[Iterator[Event]]:
    resume = {"Last-Event-ID": str(last)} if last is not None else {}
    return listening(port, "/chat/stream", {"Authorization": f"Bearer {token(name)}"} | resume)


def at_console(app: Flask, port: int, last: str = "") -> AbstractContextManager[Iterator[Event]]:
    cookie = Browser(app).as_staff("agent", email="ada@staff.example").cookie(access.STAFF_COOKIE)
    return listening(port, f"/staff/chat/stream?last={last}", {"Cookie": f"{access.STAFF_COOKIE}={cookie}"})


def now() -> str:
    return str(int(utcnow().timestamp() * 1000))


class TestVisitor:
    def test_all_that_was_said_comes_first_then_what_comes(self, port: int) -> None:
        present()
        asked("Hello")
        with visiting(port) as told:
            first, state = next(told), next(told)
            assert (first.name, first.id, first.data["body"]) == ("message", "1", "Hello")
            assert (state.name, state.id, state.data["status"], state.data["there"]) == ("state", None, "waiting", True)
            answered("Yes")
            answer, state = next(told), next(told)
            assert (answer.id, answer.data["name"], answer.data["body"], state.data["status"]) == ("2", "Ada Agent", "Yes", "running")

    def test_whoever_comes_back_hears_what_they_missed_and_nothing_twice(self, port: int) -> None:
        present()
        for index in range(5):
            asked(str(index))
        with visiting(port, last=3) as told:
            assert [next(told).data["body"] for _ in range(2)] == ["3", "4"]
            assert next(told).name == "state"
            answered("Yes")
            assert next(told).id == "6"

    @pytest.mark.parametrize("last", ["x", "-1", "", "9" * 40])
    def test_what_is_no_number_resumes_nothing(self, port: int, last: str) -> None:
        asked("Hello")
        with listening(port, "/chat/stream", {"Authorization": f"Bearer {token()}", "Last-Event-ID": last}) as told:
            assert next(told).id == "1"

    def test_it_ends_with_the_conversation(self, port: int) -> None:
        present()
        asked("Hello")
        with visiting(port, last=1) as told:
            next(told)
            ended()
            assert [(event.name, event.data.get("event") or event.data.get("status")) for event in told] == [
                ("message", "ended"), ("state", "ended"),
            ]  # fmt: skip

    def test_the_ticket_is_told(self, port: int, api: Api) -> None:
        customer(api)
        present()
        asked("Hello", account_id=account_id())
        with visiting(port, last=1) as told:
            next(told)
            ticket = handed_over()
            assert next(told).data["details"] == {"number": ticket.number}

    def test_each_hears_of_its_own_conversation_alone(self, port: int) -> None:
        present()
        asked("mine")
        with visiting(port, last=1) as told:
            next(told)
            asked("another's", name="two")
            asked("mine too")
            assert next(told).data["body"] == "mine too"

    def test_without_redis_it_is_told_a_little_later(self, port: int, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(streams, "LOOK_AGAIN", 0.2)
        monkeypatch.setattr(wake, "_say", lambda jobs, news: False)
        present()
        asked("Hello")
        with visiting(port) as told:
            assert [next(told).name for _ in range(2)] == ["message", "state"]
            answered("Yes")
            assert next(told).data["body"] == "Yes"


class TestConsole:
    def names(self) -> list[str]:
        db.session.remove()
        with transaction() as session:
            return [*presence.there(session, utcnow())]

    def test_it_says_which_have_changed_and_how_many_wait(self, app: Flask, port: int) -> None:
        with at_console(app, port) as told:
            first = next(told)
            assert (first.name, first.data["all"], first.data["waiting"]) == ("chats", True, 0)
            chat = asked("Hello")
            while not (seen := next(told).data)["ids"]:
                pass  # that its own agent has come
            assert seen == {"ids": [str(chat.chat_id)], "all": False, "waiting": 1}
            answered("Yes")
            assert next(told).data == {"ids": [str(chat.chat_id)], "all": False, "waiting": 0}

    def test_what_changed_since_the_page_was_made_is_told_at_once(self, app: Flask, port: int) -> None:
        last = now()
        chat = asked("Hello")
        with at_console(app, port, last) as told:
            assert str(chat.chat_id) in next(told).data["ids"]

    def test_its_agent_is_there_while_it_is_open(self, app: Flask, port: int) -> None:
        assert self.names() == []
        with at_console(app, port) as told:
            next(told)
            assert self.names() == ["Ada Agent"]

    def test_it_ends_with_the_session_and_nobody_is_there(self, app: Flask, port: int) -> None:
        with at_console(app, port) as told:
            next(told)
            with transaction() as session:
                staff.disable(session, "ada@staff.example", utcnow())
            asked("Hello")
            assert [event for event in told if event.data["ids"]] == []
        assert self.names() == []


def test_a_console_is_left_once(app: Flask) -> None:
    console = present(console=uuid.UUID(int=7))
    gone(console)
    gone(console)
