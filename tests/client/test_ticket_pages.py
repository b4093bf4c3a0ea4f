"""Tickets in the client area: the list, a new one, and the conversation of one."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import func, select

from notifyhub import access
from notifyhub.database import db, transaction, utcnow
from notifyhub.files import PNG as PNG_TYPE
from notifyhub.files import TEXT, Checked
from notifyhub.models import Notification, StoredFile
from notifyhub.tickets import attachments, opening
from notifyhub.tickets.states import By
from tests import files
from tests.browserless import Browser
from tests.builders import service
from tests.conftest import Api
from tests.staff.announcements import shown, text_of, value, wrong
from tests.tickets.pages import NEW, file_links, how_many, in_sight, number_of, sent, upload
from tests.tickets.steps import agent, answered, asked, changed, customer, noted, opened, read, urgent, whole

LONG = "w" * 5000
NASTY = "<script>alert(1)</script>\"'><b>{{ 7 * 7 }}"


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)
    customer(api, "C-2", registered_email="two@two.example")


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app).as_customer()


def wall(at: datetime, zone: str = "Europe/Istanbul") -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def high(**changes: Any) -> dict[str, Any]:
    down = {"service": "#123456", "service_name": "shop", "started_at": wall(utcnow() - timedelta(minutes=5))}
    return {"priority": "high"} | down | changes


# --- the list


def test_who_has_none_is_shown_the_way_to_one(browser: Browser) -> None:
    page = browser.get("/tickets")
    assert "No tickets yet" in page.text
    assert 'href="/tickets/new"' in page.text


def test_open_ones_come_first_and_each_says_how_it_stands_and_what_was_said_last(browser: Browser) -> None:
    over = opened(subject="Over")
    waiting = opened(subject="Waiting")
    answered(waiting, "It is **mended**, is it not?", By("staff", agent()))
    changed(over, status="resolved")
    page = shown(browser.get("/tickets"))
    assert page.index("Waiting") < page.index("Resolved and closed") < page.index("Over")
    assert "waiting for your answer" in page
    assert "Ada Agent : It is mended, is it not?" in page


def test_what_staff_say_among_themselves_is_not_what_was_said_last(browser: Browser) -> None:
    ticket = opened(body="Hello there")
    noted(ticket, "He again")
    page = browser.get("/tickets").text
    assert "He again" not in page
    assert "Hello there" in page


def test_a_ticket_with_an_unread_answer_stands_out_until_it_is_read(browser: Browser) -> None:
    ticket = opened()
    browser.post(f"/tickets/{ticket.number}/read", page="/tickets/new")
    assert "Unread:" not in browser.get("/tickets").text
    answered(ticket)
    assert "Unread:" in browser.get("/tickets").text
    browser.get(f"/tickets/{ticket.number}")
    assert "Unread:" in browser.get("/tickets").text  # no GET changes anything
    assert browser.post(f"/tickets/{ticket.number}/read").status_code == 204
    assert "Unread:" not in browser.get("/tickets").text
    assert unread() == 0


def unread() -> int:
    db.session.remove()
    return db.session.execute(select(func.count()).where(Notification.source == "ticket", Notification.read_at.is_(None))).scalar_one()


def test_many_come_in_pages_open_ones_first(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifyhub.routes.client.tickets.PAGE", 4)
    tickets = [opened(subject=f"Number {index}") for index in range(10)]
    for ticket in tickets[:5]:
        changed(ticket, status="closed")
    found: list[str] = []
    path: str | None = "/tickets"
    while path:
        page = browser.get(path).text
        found += re.findall(r"<bdi>(Number \d)</bdi>", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(following[1]) if following else None
    assert found == [f"Number {index}" for index in (9, 8, 7, 6, 5, 4, 3, 2, 1, 0)]


@pytest.mark.parametrize("cursor", ["", "x", "0.", "0.x", "12.MjAyNw", "²."])
def test_a_wrong_cursor_is_refused_with_a_page(browser: Browser, cursor: str) -> None:
    answer = browser.get("/tickets", query_string={"cursor": cursor})
    assert answer.status_code == 422
    assert "Start again from its first page" in answer.text


def test_a_script_gets_the_list_alone(browser: Browser) -> None:
    opened()
    part = browser.get("/tickets", headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert "The shop is slow" in part.text
    assert part.headers["Vary"] == "HX-Request"


# --- a new one


def test_the_form_says_the_limits_and_is_filled_in_with_now_and_the_own_zone(browser: Browser) -> None:
    page = browser.get(NEW)
    then = datetime.strptime(value(page, "started_at"), "%Y-%m-%dT%H:%M").replace(tzinfo=ZoneInfo("Europe/Istanbul"))
    assert abs(utcnow() - then) < timedelta(minutes=2)
    assert '<option value="Europe/Istanbul" selected>' in page.text
    text = shown(page)
    assert "up to 10 files of 10 MB, 20 MB together" in text
    assert "within 10 mins" in text
    assert "#123456 · shop · 203.0.113.7, 2001:db8:1::/64" in text


def test_a_ticket_is_sent_and_shown_with_its_promise(browser: Browser) -> None:
    answer = sent(browser)
    page = in_sight(browser.follow(answer))
    assert "Your ticket is with us." in page
    assert "Since this morning." in page
    assert re.search(r"First answer by \d\d:\d\d – 10 mins left as of \d\d:\d\d", page)  # without any script, and true later too
    assert how_many() == 1
    assert unread() == 1


def test_what_is_missing_is_said_beside_its_field_and_nothing_typed_is_lost(browser: Browser) -> None:
    answer = sent(browser, department="", priority="high", subject=" ", body="", diagnostics="ping: unknown host", server="")
    found = wrong(answer)
    assert set(found) == {"f-department", "f-subject", "f-body", "f-service", "f-service_name", "f-started_at"}
    assert found["f-department"] == "choose one of them"
    assert found["f-service_name"] == "is needed at high priority"
    assert value(answer, "diagnostics") == "ping: unknown host"
    assert "6 things have to be put right." in text_of(answer.text)
    assert how_many() == 0


def test_at_regular_priority_nothing_of_it_is_asked(browser: Browser) -> None:
    number = number_of(sent(browser, service_name="half typed", started_at="yesterday"))
    assert read_incident(number) is None


def read_incident(number: int) -> dict[str, Any] | None:
    with transaction() as session:
        from notifyhub.tickets import finding

        return finding.find(session, number).incident


def test_a_service_is_chosen_and_its_name_comes_from_there(browser: Browser) -> None:
    at = utcnow().replace(second=0, microsecond=0) - timedelta(minutes=7)
    number = number_of(
        sent(browser, **high(service_name="", started_at=wall(at, "Asia/Tokyo"), time_zone="Asia/Tokyo", diagnostics="a\r\nb"))
    )
    assert read_incident(number) == {
        "order_number": "#123456", "address": None, "service_name": "shop", "started_at": at.isoformat(), "diagnostics": "a\nb",
    }  # fmt: skip
    page = shown(browser.get(f"/tickets/{number}"))
    assert "high priority" in page
    assert "#123456" in page


@pytest.mark.parametrize(
    ("typed", "order_number", "address"),
    [
        ("203.0.113.7", "#123456", "203.0.113.7"),
        (" 2001:db8:1::5 ", "#123456", "2001:db8:1::5"),
        ("123456", "#123456", None),
        ("#123456", "#123456", None),
    ],
)
def test_a_server_is_typed(browser: Browser, typed: str, order_number: str, address: str | None) -> None:
    incident = read_incident(number_of(sent(browser, **high(service="", server=typed))))
    assert incident is not None
    assert (incident["order_number"], incident["address"]) == (order_number, address)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"service": "", "server": "203.0.113.99"}, "f-server", "is not an address of a service of this account"),
        ({"service": "", "server": "203.0.113.300"}, "f-server", "is not an IPv4 or IPv6 address"),
        ({"service": "", "server": "203.0.113.0/24"}, "f-server", "is a whole network"),
        ({"service": "", "server": "#999999"}, "f-server", "is not the order number of a service of this account"),
        ({"service": "#999999"}, "f-service", "is not the order number of a service of this account"),
        ({"server": "#777777"}, "f-server", "names another service than the one chosen above"),
        ({"server": "198.51.100.9"}, "f-server", "belongs to another service, #777777"),
        ({"started_at": "2027-13-01T10:00"}, "f-started_at", "is not a date and a time"),
        ({"started_at": "2026-03-29T02:30", "time_zone": "Europe/Berlin"}, "f-started_at", "does not exist in Europe/Berlin"),
        ({"started_at": "2199-01-01T00:00"}, "f-started_at", "lies in the future"),
        ({"started_at": "2001-01-01T00:00"}, "f-started_at", "is more than a year ago"),
        ({"time_zone": "Mars/Olympus"}, "f-time_zone", "choose one of them"),
        ({"service_name": "n" * 5000}, "f-service_name", "has 5,000 characters; 200 are allowed"),
        ({"subject": LONG}, "f-subject", "has 5,000 characters; 200 are allowed"),
        ({"subject": "turned \u202e round"}, "f-subject", "has a character that turns the direction of text"),
        ({"body": "b" * 50_001}, "f-body", "has 50,001 characters; 50,000 are allowed"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(api: Api, browser: Browser, changes: dict[str, str], field: str, message: str) -> None:
    both = [
        service(order_number="#123456", name="shop", addresses=["203.0.113.7"]),
        service(order_number="#777777", name="mail", addresses=["198.51.100.9"]),
    ]
    customer(api, services=both)
    answer = sent(browser, **high(**changes))
    found = wrong(answer)
    assert set(found) == {field}
    assert message in found[field]
    for name, typed in changes.items():
        if name not in ("service", "time_zone"):
            assert value(answer, name) == typed
    assert how_many() == 0


def test_the_service_of_another_customer_is_none_of_this_ones(api: Api, browser: Browser) -> None:
    customer(api, "C-2", services=[service(order_number="#555555", addresses=["192.0.2.55"])])
    for changes in ({"service": "#555555"}, {"service": "", "server": "192.0.2.55"}):
        assert "of this account" in str(wrong(sent(browser, **high(**changes))))


def test_a_time_that_the_clock_shows_twice_is_the_later_one(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.fromisoformat("2026-10-25T01:20+00:00")  # 02:20 in Berlin, for the second time
    monkeypatch.setattr("notifyhub.routes.client.tickets.utcnow", lambda: now)
    number = number_of(sent(browser, **high(started_at="2026-10-25T02:10", time_zone="Europe/Berlin")))
    assert read_incident(number)["started_at"] == "2026-10-25T01:10:00+00:00"  # type: ignore[index]
    number = number_of(sent(browser, **high(started_at="2026-10-25T02:40", time_zone="Europe/Berlin")))  # still to come
    assert read_incident(number)["started_at"] == "2026-10-25T00:40:00+00:00"  # type: ignore[index]


def test_who_rents_nothing_types_what_it_is_about(api: Api, browser: Browser) -> None:
    customer(api, services=[])
    assert 'name="service"' not in browser.get(NEW).text
    assert set(wrong(sent(browser, **high(service="")))) == {"f-server"}


def test_who_rents_very_much_is_told_that_not_all_is_listed(api: Api, browser: Browser) -> None:
    customer(api, services=[service() for _ in range(201)])
    page = browser.get(NEW).text
    assert page.count('data-name="') == 200
    assert "200 are listed" in page


def test_the_same_form_twice_opens_one_ticket(browser: Browser) -> None:
    once = str(uuid.uuid4())
    first, second = (sent(browser, once=once, files=upload(("a.log", b"log"))) for _ in range(2))
    assert number_of(first) == number_of(second)
    assert how_many() == 1
    assert unread() == 1


def test_the_same_form_with_other_words_is_given_back(browser: Browser) -> None:
    once = str(uuid.uuid4())
    sent(browser, once=once)
    again = sent(browser, once=once, body="Something else")
    assert again.status_code == 409
    assert value(again, "body") == "Something else"
    assert "You sent this form before" in text_of(again.text)
    assert value(again, "once") != once
    assert sent(browser, once=value(again, "once"), body="Something else").status_code == 303
    assert how_many() == 2


def test_a_flood_is_refused_with_the_form_kept(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MOST_AN_HOUR", 2)
    opened(), opened()
    answer = sent(browser)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "No more than 2 tickets an hour" in text_of(answer.text)
    assert value(answer, "body") == "Since this morning."


def test_without_the_token_of_the_form_nothing_is_opened_and_what_was_typed_is_shown(browser: Browser) -> None:
    browser.get(NEW)
    browser.csrf_token = "forged"
    answer = browser.post(NEW, subject="Precious words", files=upload(("trace.log", b"log")))
    assert answer.status_code == 400
    assert "Precious words" in answer.text
    assert "trace.log" in answer.text
    assert how_many() == 0


def test_what_was_typed_when_the_session_ended_is_shown_and_files_are_named(browser: Browser) -> None:
    browser.get(NEW)
    browser.client.delete_cookie(access.CUSTOMER_COOKIE)
    answer = browser.post(NEW, once="x", subject="Precious words", files=upload(("../trace.log", b"log")))
    assert answer.status_code == 401
    text = text_of(answer.text)
    assert "You were signed out" in text
    assert "Precious words" in unescape(answer.text)
    assert "have to be chosen again: ../trace.log" in text
    assert ">once<" not in answer.text
    assert how_many() == 0


# --- files


def test_files_come_along_and_are_downloads(app: Flask, browser: Browser) -> None:
    number = number_of(sent(browser, files=upload(("trace.log", b"a line"), ("screen.png", files.PNG))))
    page = browser.get(f"/tickets/{number}").text
    links = file_links(page)
    assert set(links) == {"trace.log", "screen.png"}
    answer = browser.get(links["trace.log"])
    assert answer.data == b"a line"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert f'src="{links["screen.png"]}?show=1"' in page
    assert Browser(app).as_customer("C-2").get(links["trace.log"]).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("invoice.pdf", files.EXE, "invoice.pdf: is none of the files that are taken here"),
        ("cut.pdf", b"%PDF-1.4 and no end", "cut.pdf: is a PDF that was cut off"),
        ("empty.log", b"", "empty.log: is empty"),
        ("../../etc/pass\u202ewd", files.EXE, "passwd: is none of"),
        ("<b>.png", files.EXE, "<b>.png: is none of"),
    ],
)
def test_a_file_that_is_not_taken_is_named_and_has_to_be_chosen_again(browser: Browser, name: str, content: bytes, problem: str) -> None:
    answer = sent(browser, files=upload((name, content), ("good.log", b"log")))
    assert problem in wrong(answer)["f-files"]
    assert "The 2 files were not kept" in text_of(answer.text)
    assert value(answer, "body") == "Since this morning."
    assert how_many() == 0
    assert stored() == 0


def stored() -> int:
    db.session.remove()
    return db.session.execute(select(func.count()).select_from(StoredFile)).scalar_one()


@pytest.mark.parametrize(("name", "content"), [("page.pdf", files.HTML), ("picture.png", files.SVG)])
def test_a_page_under_another_name_becomes_plain_text(browser: Browser, name: str, content: bytes) -> None:
    number = number_of(sent(browser, files=upload((name, content))))
    ((shown_name, link),) = file_links(browser.get(f"/tickets/{number}").text).items()
    assert shown_name == f"{name}.txt"
    answer = browser.get(f"{link}?show=1")
    assert answer.mimetype == "text/plain"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_hundred_files_are_refused_as_a_whole(browser: Browser) -> None:
    answer = sent(browser, files=upload(*[(f"{index}.log", b"log") for index in range(100)]))
    assert wrong(answer)["f-files"] == "are 100; 10 are allowed with one message"
    assert "The 100 files were not kept" in text_of(answer.text)
    assert (how_many(), stored()) == (0, 0)


def test_too_much_is_refused_with_what_was_typed(browser: Browser) -> None:
    half = b"x" * (attachments.MOST_BYTES_TOGETHER // 2)
    answer = sent(browser, files=upload(("a.log", half), ("b.log", half), ("c.log", b"x")))
    assert wrong(answer)["f-files"] == "are larger than 20 MB together"
    assert value(answer, "subject") == "The shop is slow"


def test_names_of_files_are_text(browser: Browser) -> None:
    number = number_of(sent(browser, files=upload(("<img src=x onerror=alert(1)>.log", b"log"))))
    page = browser.get(f"/tickets/{number}").text
    assert "<img src=x" not in page
    (name,) = file_links(page)
    assert "onerror" in name


# --- the conversation


@pytest.mark.parametrize("path", ["", "/reply", "/resolve", "/read"])
def test_the_ticket_of_another_is_not_there(app: Flask, path: str) -> None:
    ticket = opened("C-2")
    browser = Browser(app).as_customer()
    address = f"/tickets/{ticket.number}{path}"
    answer = browser.post(address, page=NEW, body="Hello") if path else browser.get(address)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert len(whole(ticket).messages) == 1
    assert read(ticket).status == "open"


@pytest.mark.parametrize("number", ["0", "999999", "9" * 40])
def test_a_number_that_is_none_is_a_page_that_says_so(browser: Browser, number: str) -> None:
    assert browser.get(f"/tickets/{number}").status_code == 404


def test_the_conversation_is_told_from_the_first_word_with_what_was_changed(browser: Browser) -> None:
    ticket = opened()
    answered(ticket, "It is **mended**.", By("staff", agent()))
    asked(ticket, "Thank you")
    changed(ticket, priority="high", assignee=agent("bob@staff.example"))
    page = shown(browser.get(f"/tickets/{ticket.number}"))
    places = [page.index(words) for words in ("Since this morning.", "Ada Agent Support", "It is mended .", "Thank you", "priority: high")]
    assert places == sorted(places)
    assert "assigned" not in page  # who does it is no customer's business
    assert "waiting for customer" not in page
    assert "First answer after 1 min" in page


def test_what_is_said_among_staff_is_not_there_nor_are_its_files(browser: Browser) -> None:
    ticket = opened()
    noted(ticket, "A difficult one", files=[Checked("secret.log", TEXT, b"secret")])
    page = browser.get(f"/tickets/{ticket.number}").text
    assert "A difficult one" not in page
    assert "secret.log" not in page
    (file,) = db.session.scalars(select(StoredFile)).all()
    assert browser.get(f"/files/{file.id}").status_code == 404


@pytest.mark.parametrize("text", [NASTY, "ليلى <b>حداد</b>", "👩‍👩‍👧 & Co.", "[x](javascript:alert(1))", LONG])
def test_words_are_words(browser: Browser, text: str) -> None:
    ticket = opened(subject=text[:200], body=text)
    asked(ticket, text, files=[Checked(f"{text[:60]}.png", PNG_TYPE, files.PNG)])
    answered(ticket, text, By("staff", agent(name=text[:100])))
    for path in ("/tickets", f"/tickets/{ticket.number}"):
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "<b>" not in page
        assert 'href="javascript' not in page
        assert text[:200] in unescape(page)


def test_a_reply_is_added_and_opens_what_was_resolved(browser: Browser) -> None:
    ticket = opened()
    changed(ticket, status="resolved")
    path = f"/tickets/{ticket.number}"
    assert "the ticket is open again" in browser.get(path).text
    answer = browser.post(f"{path}/reply", once=str(uuid.uuid4()), body="Not solved", files=upload(("a.log", b"log")))
    assert answer.status_code == 303
    (_, message) = whole(ticket).messages
    assert answer.headers["Location"] == f"{path}#m-{message.id}"
    assert (message.body, message.author, [file.name for file in message.files]) == ("Not solved", "customer", ["a.log"])
    assert read(ticket).status == "open"
    assert unread() == 0  # who answers has read


def test_the_same_reply_twice_is_one(browser: Browser) -> None:
    ticket = opened()
    path, once = f"/tickets/{ticket.number}", str(uuid.uuid4())
    for _ in range(2):
        assert browser.post(f"{path}/reply", page=path, once=once, body="Any news?").status_code == 303
    other = browser.post(f"{path}/reply", once=once, body="And now?")
    assert other.status_code == 409
    assert value(other, "body") == "And now?"
    assert len(whole(ticket).messages) == 2


def test_a_reply_without_words_is_refused(browser: Browser) -> None:
    ticket = opened()
    path = f"/tickets/{ticket.number}"
    assert wrong(browser.post(f"{path}/reply", page=path, body=" \n ")) == {"f-body": "is empty"}
    assert wrong(browser.post(f"{path}/reply", page=path, body="Look", files=upload(("a.exe", files.EXE))))["f-files"].startswith("a.exe")
    assert browser.post(f"{path}/reply", page=path, body="", files=upload(("a.log", b"log"))).status_code == 303  # files say enough


def test_nothing_is_added_to_a_closed_one_and_what_was_typed_is_given_back(browser: Browser) -> None:
    ticket = opened()
    path = f"/tickets/{ticket.number}"
    browser.get(path)
    changed(ticket, status="closed")
    answer = browser.post(f"{path}/reply", body="Too late")
    assert answer.status_code == 409
    assert "This ticket is closed" in text_of(answer.text)
    assert value(answer, "body") == "Too late"
    assert f'action="{path}/reply"' not in browser.get(path).text


def test_the_customer_marks_it_as_resolved(browser: Browser) -> None:
    ticket = opened()
    path = f"/tickets/{ticket.number}"
    page = browser.follow(browser.post(f"{path}/resolve", page=path))
    assert read(ticket).status == "resolved"
    assert "Marked as resolved." in page.text
    assert f'action="{path}/resolve"' not in page.text
    changed(ticket, status="closed")
    assert "This ticket is closed" in browser.follow(browser.post(f"{path}/resolve")).text


@pytest.mark.parametrize(
    ("minutes", "sentence"),
    [(1, "9 mins left"), (8, "2 mins left"), (12, "we are 3 mins late, and sorry")],
)
def test_the_clock_is_right_without_scripts(browser: Browser, minutes: int, sentence: str) -> None:
    ticket = urgent(now=utcnow() - timedelta(minutes=minutes, seconds=10))
    assert f"{sentence} as of" in in_sight(browser.get(f"/tickets/{ticket.number}"))


def test_what_the_inbox_says_about_it_leads_there(browser: Browser) -> None:
    ticket = opened()
    (item,) = db.session.scalars(select(Notification.id)).all()
    assert f'href="/tickets/{ticket.number}"' in browser.get(f"/inbox/{item}").text


def test_a_script_gets_what_changes_alone(browser: Browser) -> None:
    ticket = opened()
    part = browser.get(f"/tickets/{ticket.number}", headers={"HX-Request": "true"}).text
    assert "Since this morning." in part
    assert "<textarea" not in part
    assert "<html" not in part
