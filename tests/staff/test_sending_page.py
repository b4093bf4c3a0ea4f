"""The engine at a glance, for staff."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape

import pytest
from flask import Flask

from notifyhub import measures, relay, tallies, wake
from notifyhub.database import transaction
from notifyhub.routes import progress
from notifyhub.routes.staff import sending
from tests.announcements.steps import published
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server
from tests.test_deliveries import ago, queue

Work = Callable[[], None]


@pytest.fixture(autouse=True)
def counted_anew() -> Iterator[None]:
    measures.forget()
    yield
    measures.forget()


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app).as_staff("agent")


def text(browser: Browser) -> str:
    measures.forget()
    answer = browser.get("/staff/sending")
    assert answer.status_code == 200
    return words(answer.text)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def lane(browser: Browser, name: str) -> str:
    measures.forget()
    (row,) = re.findall(rf'<tr><th scope="row">{name}</th>(.*?)</tr>', browser.get("/staff/sending").text, re.DOTALL)
    return words(row)


def test_each_lane_says_what_waits_and_for_how_long(browser: Browser) -> None:
    queue(lane=1, due_at=ago(minutes=12)), queue(lane=1, due_at=ago(hours=-1)), queue(lane=1, state="sending")
    assert lane(browser, "urgent").startswith("Waiting 2 Due now 1 Being sent 1 Due for 12 mins Sent in the last hour 0")
    assert lane(browser, "bulk").startswith("Waiting 0 Due now 0 Being sent 0 Due for – Sent in the last hour 0")


def test_what_was_sent_in_the_last_hour_is_a_picture_too(browser: Browser, api: Api, work: Work, smtp: Server) -> None:
    api.put("/v1/accounts/C-1", account())
    published(api)
    work()
    assert "Sent in the last hour 1 at most 1" in lane(browser, "bulk")
    assert re.search(r'<path d="M5[89] 24v-24.0h.8V24z"/>', browser.get("/staff/sending").text)  # 58: the minute turned meanwhile


def test_the_picture_needs_no_style_of_its_own(browser: Browser) -> None:
    assert "style=" not in browser.get("/staff/sending").text


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([0, 0], ""), ([0, 5, 10], "M1 24v-12.0h.8V24zM2 24v-24.0h.8V24z"), ([1, 1000], "M0 24v-1.0h.8V24zM1 24v-24.0h.8V24z")],
)  # fmt: skip
def test_even_the_least_is_seen(counts: list[int], expected: str) -> None:
    assert sending._bars(counts) == expected


def test_answers_of_the_relay_are_told_by_class(browser: Browser) -> None:
    assert "It was asked to take nothing." in text(browser)
    with transaction() as session:
        for label, count in (("2xx 2.0", 900), ("5xx 5.7", 7), ("5xx 5.1", 20), ("4xx", 3)):
            tallies.add(session, "answer", label, count)
    found = text(browser)
    assert "taken over 2.0 900 refused for now 4xx 3 refused for good 5.1 the address 20 refused for good 5.7 security or policy 7" in found


def test_an_answer_that_is_out_of_place_is_one_too(browser: Browser) -> None:
    with transaction() as session:
        tallies.add(session, "answer", "3xx")
    assert "refused for good 3xx 1" in text(browser)


def test_what_seldom_happens_is_told_for_the_last_hour_and_in_all(browser: Browser) -> None:
    with transaction() as session:
        tallies.add(session, "spared", "journal", 3)
        tallies.add(session, "lapsed", "", 2)
    found = text(browser)
    assert "Mails that a killed worker had handed over, and that were not sent again 3 3" in found
    assert "Deliveries taken back from a host that was gone 2 2" in found


def test_what_is_missing_comes_with_its_reason(browser: Browser) -> None:
    wake.seen("scheduler")
    with transaction() as session:
        relay.failed(session, "connection to <mx> refused")
    found = text(browser)
    assert "Relay left alone for a while Left alone for a while. Failures in a row: 1; the last: connection to <mx> refused (until" in found
    assert "Workers missing None was seen in the last hour" in found
    assert "Scheduler ok" in found


def test_fan_outs_that_are_not_done_are_told(browser: Browser, api: Api, fans_out_later: None) -> None:
    api.put("/v1/accounts/C-1", account())
    published(api)
    assert "1 announcement is being told to its audience." in text(browser)


class TestLive:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress, "EVERY", 0.01)

    def test_figures_are_told_as_they_change(self, browser: Browser) -> None:
        answer = browser.get("/staff/sending/figures", buffered=False)
        events = (json.loads(chunk.decode().partition("data: ")[2])["html"] for chunk in answer.response if chunk.startswith(b"event"))
        assert "Waiting 0 Due now 0" in words(next(events))
        queue(lane=0)
        measures.forget()
        assert "immediate Waiting 1 Due now 1" in words(next(events))
        answer.close()

    def test_who_signed_out_meanwhile_is_told_no_more(self, browser: Browser) -> None:
        answer = browser.get("/staff/sending/figures", buffered=False)
        chunks = iter(answer.response)
        next(chunks)
        other = Browser(browser.app)
        other.client = browser.client
        other.post("/staff/sign-out", page="/staff/sending")
        assert list(chunks) == []


@pytest.mark.parametrize("role", ["ops", "agent", "billing", "abuse", "admin"])
def test_any_member_of_staff_may_look(app: Flask, role: str) -> None:
    assert Browser(app).as_staff(role).get("/staff/sending").status_code == 200
