"""Ways to contact support, with what is promised and how it really was."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from typing import Any, get_args

import pytest
from flask import Blueprint, Flask
from sqlalchemy import event

from notifyhub import create_app, response_times
from notifyhub.config import Settings
from notifyhub.database import db, transaction, utcnow
from notifyhub.response_times import NOTHING, Figure, Way
from notifyhub.routes.client.contact import CHAT
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api
from tests.staff.announcements import text_of

SUPPORT = "help@hosting.example"


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"NOTIFYHUB_BRAND_SUPPORT_ADDRESS": SUPPORT, "NOTIFYHUB_TICKET_PROMISE_MINUTES": "10"}


def measured(**figures: Figure) -> None:
    with transaction() as session:
        response_times.keep(session, {way: figures.get(way, NOTHING) for way in get_args(Way)}, utcnow())
    db.session.remove()


def rows(app: Flask, **headers: str) -> dict[str, str]:
    """What the table says, by the way."""
    page = Browser(app).get("/contact", headers=headers).text
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    lines = [text_of(row) for row in body.split("</tr>") if "<td" in row]
    return {line.split()[0]: line for line in lines}


def test_it_says_what_each_way_is_for_and_what_is_promised(app: Flask) -> None:
    found = rows(app)
    assert {"Ticket", "E-mail", "Notifications"} <= set(found)
    assert "Technical issues Financial matters First response within 10 mins" in found["Ticket"]
    assert f"First response within 15–30 mins no figures yet {SUPPORT}" in found["E-mail"]
    assert "In real time" in found["Notifications"]


def test_before_anything_is_measured_it_says_so(app: Flask) -> None:
    assert all("no figures yet" in line for line in rows(app).values())
    assert "As of" not in text_of(Browser(app).get("/contact").text)


def test_too_few_are_no_figure(app: Flask) -> None:
    measured(ticket=Figure(None, 4))
    assert "no figures yet" in rows(app)["Ticket"]


@pytest.mark.parametrize(
    ("took", "said"),
    [
        (timedelta(seconds=0.4), "less than a second as promised median of 1,204 tickets"),
        (timedelta(seconds=59.2), "60 seconds as promised"),
        (timedelta(minutes=9, seconds=1), "10 mins as promised"),
        (timedelta(minutes=10), "10 mins as promised"),
        (timedelta(minutes=10, seconds=1), "11 mins slower than promised"),
        (timedelta(hours=30), "1 day 6 hrs slower than promised"),
    ],
)
def test_what_was_measured_stands_beside_the_promise_and_never_sounds_quicker(app: Flask, took: timedelta, said: str) -> None:
    measured(ticket=Figure(took, 1204))
    assert said in rows(app)["Ticket"]


def test_a_promise_without_a_time_is_not_judged(app: Flask) -> None:
    measured(notification=Figure(timedelta(seconds=3), 900))
    assert "In real time 3 seconds median of 900 mails" in rows(app)["Notifications"]


@pytest.mark.parametrize(("minutes", "said"), [(30, "within 15–30 mins"), (1, "within 1 min"), (120, "within 2 hrs")])
def test_mails_are_promised_what_the_setting_says(app: Flask, minutes: int, said: str) -> None:
    app.extensions["settings"] = dataclasses.replace(app.extensions["settings"], mail_promise_minutes=minutes)
    assert said in " ".join(Browser(app).get("/contact").text.split())


def test_an_installation_without_a_support_address_offers_no_mail(app: Flask, environ: dict[str, str]) -> None:
    del environ["NOTIFYHUB_BRAND_SUPPORT_ADDRESS"]
    other = create_app(Settings.from_environ(environ))
    with other.app_context():
        assert "mailto:" not in Browser(other).get("/contact").text
        assert "E-mail" not in rows(other)


def test_the_chat_is_a_way_where_there_is_one(app: Flask) -> None:
    widget = Blueprint(CHAT, __name__)
    widget.add_url_rule("/chat/widget.js", "script", lambda: "")
    if CHAT not in app.blueprints:
        app.register_blueprint(widget)
    measured(chat=Figure(timedelta(seconds=48), 31))
    assert "General questions At once, while somebody of us is there 48 seconds median of 31 conversations" in rows(app)["Live"]
    assert 'href="#chat"' in Browser(app).get("/contact").text


@pytest.mark.parametrize("path", ["/tickets/new", "/tickets/new?department=technical", "/tickets/new?priority=high", "/inbox"])
def test_who_is_not_signed_in_is_led_there_by_way_of_signing_in(app: Flask, path: str) -> None:
    browser = Browser(app)
    assert f'href="{path}"' in browser.get("/contact").text
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in")
    assert 'href="/contact"' in browser.follow(answer).text


def test_a_customer_sees_it_in_the_client_area(app: Flask, api: Api) -> None:
    api.put("/v1/accounts/C-1", account())
    page = Browser(app).as_customer("C-1").get("/contact").text
    assert re.search(r'href="/contact" aria-current="page"', page)
    assert "asked to sign in first" not in page


def test_it_reads_a_few_rows_however_much_there_is(app: Flask) -> None:
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    Browser(app).get("/contact")
    assert [statement for statement in asked if "FROM" in statement and "FROM response_time" not in statement] == []


def test_it_can_be_read_with_any_figure_there_may_be(app: Flask) -> None:
    """Of a version to come, or of one that is gone."""
    with transaction() as session:
        known: Any = {"carrier-pigeon": Figure(timedelta(days=3), 9)}
        response_times.keep(session, known, utcnow())
    assert "no figures yet" in rows(app)["Ticket"]
