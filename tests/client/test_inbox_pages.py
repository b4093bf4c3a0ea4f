"""The inbox as customers see it, without a screen and without scripts."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from flask import Flask
from markupsafe import escape
from sqlalchemy import select

from notifyhub import inbox
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.jobs import fan_out
from notifyhub.models import Account, Notification, Revision
from notifyhub.routes import streams
from notifyhub.signins import sessions
from tests.announcements.steps import published
from tests.browserless import Browser
from tests.builders import account, service
from tests.conftest import Api
from tests.test_inbox import add

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1", account(services=[service(order_number="#1", name="vps-1.one.example", addresses=["203.0.113.7"])]))
    return Browser(app).as_customer("C-1")


def announce(api: Api, title: str = "Network maintenance", **changes: Any) -> str:
    fan_out.run(published(api, content={"en": {"title": title, "body": "We replace **core switches**."}}, **changes), 1)
    db.session.remove()
    return newest()


def newest() -> str:
    with reading() as session:
        return str(session.scalars(select(Notification.id).order_by(Notification.created_at.desc(), Notification.id.desc())).first())


def item(id: str) -> Notification:
    with reading() as session:
        row = session.get_one(Notification, uuid.UUID(id))
        session.expunge(row)
        return row


def listed(page: str) -> list[str]:
    return re.findall(r'<li class="message[^>]* data-id="([^"]+)"', page)


class TestTheList:
    def test_an_empty_one_says_what_will_be_there(self, browser: Browser) -> None:
        assert "Nothing here yet" in browser.get("/inbox").text

    def test_a_line_has_title_services_and_window(self, browser: Browser, api: Api) -> None:
        announce(api)
        page = browser.get("/inbox").text
        assert all(text in page for text in ("Network maintenance", "vps-1.one.example", "28 Mar 2027, 03:30–07:00", "Unread:"))

    def test_the_newest_comes_first_and_older_ones_on_the_next_page(self, browser: Browser) -> None:
        made = [add(minutes=minutes)[0] for minutes in range(1, 33)]
        first = browser.get("/inbox").text
        older = re.search(r'rel="next" href="([^"]+)"', first)
        assert older
        second = browser.get(older[1]).text
        assert listed(first) + listed(second) == made
        assert 'rel="next"' not in second

    @pytest.mark.parametrize(("query", "found"), [("category=support", 1), ("category=spam", 2), ("unread=1", 1), ("archived=1", 1)])
    def test_it_can_be_sifted(self, browser: Browser, query: str, found: int) -> None:
        add(category="support", read_at=utcnow())
        add(category="abuse")
        add(archived_at=utcnow(), read_at=utcnow())
        assert len(listed(browser.get(f"/inbox?{query}").text)) == found

    def test_search_finds_words_and_says_when_it_does_not(self, browser: Browser, api: Api) -> None:
        announce(api)
        assert len(listed(browser.get("/inbox?q=SWITCHES").text)) == 1
        assert "Nothing found" in browser.get("/inbox?q=router%00").text

    def test_a_search_that_finds_more_than_a_page_leads_on(self, browser: Browser) -> None:
        add(32, services=[["#1", "vps-1.one.example"]])
        page = browser.get("/inbox?q=vps-1").text
        assert (len(listed(page)), 'rel="next"' in page, "Search older messages" in page) == (30, True, False)

    def test_a_search_looks_back_piece_by_piece(self, browser: Browser, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbox, "SEARCHED_AT_ONCE", 2)
        add(minutes=9, services=[["#1", "vps-1.one.example"]])
        for minutes in (1, 2, 3):
            add(minutes=minutes)
        first = browser.get("/inbox?q=vps-1").text
        older = re.search(r'rel="next" href="([^"]+)">Search older messages', first)
        assert older
        assert (listed(first), "2 messages were searched. There are older ones." in first) == ([], True)
        second = browser.get(older[1].replace("&amp;", "&")).text
        assert (len(listed(second)), 'rel="next"' in second) == (1, False)

    def test_a_cursor_that_no_page_gave_is_refused(self, browser: Browser) -> None:
        assert browser.get("/inbox?cursor=x").status_code == 422

    def test_links_keep_the_list_that_they_stand_in(self, browser: Browser) -> None:
        (id,) = add(category="support")
        assert f"/inbox/{id}?category=support" in browser.get("/inbox?category=support").text

    @pytest.mark.parametrize("title", ["x" * 200, "صيانة الشبكة 🔧", "<script>alert(1)</script> & “more”"])
    def test_any_title_is_shown_as_text(self, browser: Browser, api: Api, title: str) -> None:
        id = announce(api, title)
        assert str(escape(title)) in browser.get("/inbox").text
        page = browser.get(f"/inbox/{id}").text
        assert str(escape(title)) in page
        assert "<script>alert" not in page

    def test_what_is_unread_is_counted_to_a_thousand(self, browser: Browser) -> None:
        add(1003)
        assert "999+" in browser.get("/inbox").text

    def test_who_is_not_signed_in_is_asked_to(self, app: Flask, browser: Browser) -> None:
        answer = Browser(app).get("/inbox?unread=1")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?return_to=%2Finbox%3Funread%3D1")


class TestAnItem:
    def test_it_says_what_when_for_what_and_where_it_went(self, browser: Browser, api: Api) -> None:
        page = browser.get(f"/inbox/{announce(api)}").text
        wanted = (
            "Planned maintenance", "Your services cannot be reached during this time.", "28 Mar 2027, 03:30–07:00", "00:30–04:00 UTC",
            "203.0.113.7", "<strong>core switches</strong>", "owner@one.example", "registered address: none is set for this category",
        )  # fmt: skip
        assert [text for text in wanted if text not in page] == []

    def test_a_window_over_a_clock_change_says_so(self, browser: Browser, api: Api) -> None:
        api.put("/v1/accounts/C-1", account(time_zone="Europe/Berlin"))
        assert "The clock changes during this window" in browser.get(f"/inbox/{announce(api)}").text

    def test_looking_at_it_changes_nothing(self, browser: Browser, api: Api) -> None:
        id = announce(api)
        browser.get(f"/inbox/{id}")
        assert item(id).read_at is None

    def test_a_script_gets_it_without_the_page(self, browser: Browser, api: Api) -> None:
        answer = browser.get(f"/inbox/{announce(api)}", headers=HTMX)
        assert answer.text.lstrip().startswith("<article")
        assert "<html" not in answer.text
        assert answer.headers["Vary"].startswith("HX-Request")

    def test_an_older_one_leads_to_the_newer(self, browser: Browser, api: Api) -> None:
        id = announce(api)
        newer = announced_again(id)
        assert f"/inbox/{newer}" in browser.get(f"/inbox/{id}").text
        assert "There is a newer message" not in browser.get(f"/inbox/{newer}").text

    def test_that_of_another_account_is_not_there(self, app: Flask, browser: Browser, api: Api) -> None:
        (id,) = add()
        api.put("/v1/accounts/C-2", account())
        other = Browser(app).as_customer("C-2")
        other.get("/inbox")
        answers = [other.get(f"/inbox/{id}"), *(other.post(f"/inbox/{id}/{act}") for act in ("read", "unread", "archive", "unarchive"))]
        assert [answer.status_code for answer in answers] == [404] * 5
        assert listed(other.get(f"/inbox/rows?ids={id}").text) == []


def announced_again(id: str) -> str:
    told = item(id)
    with transaction() as session:
        first = session.get_one(Revision, (uuid.UUID(told.source_ref), 1))
        columns = {column.name: getattr(first, column.name) for column in Revision.__table__.columns}
        session.add(Revision(**columns | {"number": 2, "action": "changed"}))
        session.flush()
    return add(source=told.source, source_ref=told.source_ref, revision=2, kind=told.kind, category=told.category)[0]


class TestWhatIsDone:
    def test_reading_and_unreading_by_form(self, browser: Browser) -> None:
        (id,) = add()
        answer = browser.post(f"/inbox/{id}/read", page=f"/inbox/{id}")
        assert (answer.status_code, answer.headers["Location"], item(id).read_at is not None) == (303, "/inbox", True)
        browser.post(f"/inbox/{id}/unread", page=f"/inbox/{id}")
        assert item(id).read_at is None

    def test_a_script_gets_the_line_and_the_button_as_they_are_now(self, browser: Browser) -> None:
        (id,) = add()
        page = browser.post(f"/inbox/{id}/read?category=abuse", page="/inbox", headers=HTMX).text
        assert listed(page) == [id]
        assert f'id="toggle-{id}"' in page
        assert f"/inbox/{id}/unread?category=abuse" in page

    def test_archiving_can_be_undone(self, browser: Browser) -> None:
        (id,) = add()
        page = browser.follow(browser.post(f"/inbox/{id}/archive?category=abuse", page="/inbox?category=abuse"))
        assert (page.request.full_path, listed(page.text), "Archived." in page.text) == ("/inbox?category=abuse", [], True)
        assert f'action="/inbox/{id}/unarchive"' in page.text
        page = browser.follow(browser.post(f"/inbox/{id}/unarchive", return_to="/inbox?category=abuse"))
        assert (page.request.full_path, listed(page.text)) == ("/inbox?category=abuse", [id])

    def test_a_script_archives_and_gets_the_way_back(self, browser: Browser) -> None:
        (id,) = add()
        page = browser.post(f"/inbox/{id}/archive", page="/inbox", headers=HTMX).text
        assert (listed(page), 'hx-swap-oob="true"' in page, f"/inbox/{id}/unarchive" in page) == ([], True, True)

    def test_all_are_read_at_once(self, browser: Browser) -> None:
        add(3)
        assert "3 items marked as read." in browser.follow(browser.post("/inbox/read-all", page="/inbox")).text

    def test_nothing_is_done_without_the_token_of_the_form(self, browser: Browser) -> None:
        (id,) = add()
        assert (browser.post(f"/inbox/{id}/archive").status_code, item(id).archived_at) == (400, None)

    def test_the_way_back_leads_to_no_other_site(self, browser: Browser) -> None:
        (id,) = add()
        assert browser.post(f"/inbox/{id}/archive", page="/inbox", return_to="//evil.example").headers["Location"] == "/inbox"


class TestLines:
    def test_those_that_are_asked_for(self, browser: Browser) -> None:
        first, _, third = add(3)
        assert sorted(listed(browser.get(f"/inbox/rows?ids={first},{third},nonsense").text)) == sorted([first, third])

    def test_only_those_that_fit_the_list(self, browser: Browser) -> None:
        (mine,), (other,) = add(category="support"), add(category="abuse")
        assert listed(browser.get(f"/inbox/rows?ids={mine},{other}&category=support&fit=1").text) == [mine]
        assert len(listed(browser.get(f"/inbox/rows?ids={mine},{other}&category=support").text)) == 2


class TestTheStream:
    def test_it_is_for_who_is_signed_in(self, app: Flask, browser: Browser) -> None:
        assert Browser(app).get("/inbox/stream", headers={"Accept": "text/event-stream", "Sec-Fetch-Mode": "cors"}).status_code == 401

    def test_it_tells_ids_and_titles(self, browser: Browser, api: Api) -> None:
        announce(api)
        (id,) = add()
        stream = opened(browser, f"/inbox/stream?last={id}")
        told = [next(stream) for _ in range(3)]
        assert f'"id":"{id}"' in "".join(told).replace(" ", "")
        assert "Network maintenance" in "".join(told)
        assert '"html"' not in "".join(told)

    def test_it_ends_with_the_session(self, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(streams, "LOOK_AGAIN", 0.1)
        stream = opened(browser, "/inbox/stream")
        first = [next(stream), next(stream)]
        with transaction() as session:
            sessions.end_all(session, session.scalars(select(Account)).one(), utcnow())
        assert ("retry" in first[0], list(stream)) == (True, [])


def opened(browser: Browser, path: str) -> Any:
    """What the stream says, piece by piece."""
    answer = browser.client.get(path, buffered=False)
    assert answer.status_code == 200
    return (piece.decode() for piece in answer.response)
