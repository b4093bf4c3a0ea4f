"""Announcements as ops see them: the list, the last look, the publication, and how the delivery goes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select

from notifyhub.database import transaction
from notifyhub.models import Delivery
from tests.announcements.steps import drafted, published
from tests.browserless import Browser
from tests.builders import account, service
from tests.conftest import Api
from tests.smtp import Server

LIST = "/staff/announcements"
PAGES = ("", "/edit", "/publish", "/drop", "/mail", "/progress", "/recipients.csv")  # of one announcement


@pytest.fixture
def one_account(api: Api) -> None:
    api.put("/v1/accounts/C-1", account())


@pytest.fixture
def ops(app: Flask, one_account: None) -> Browser:
    return Browser(app).as_staff("ops")


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


# --- the list


def test_staff_of_ops_land_on_the_list(ops: Browser) -> None:
    page = ops.follow(ops.get("/staff/"))
    assert "Nothing is going on" in page.text


def test_a_row_says_what_it_is_when_it_is_by_whom_and_how_far_it_reaches(ops: Browser, api: Api, work: Callable[[], None]) -> None:
    published(api)
    work()
    page = words_of(ops.get(LIST).text)
    for expected in ("Network maintenance", "Planned maintenance", "Outage", "28 Mar 2027", "key", "1 account", "all in the inbox"):
        assert expected in page, expected


def test_drafts_have_a_tab_of_their_own_and_are_counted_on_it(ops: Browser, api: Api) -> None:
    drafted(api)
    assert "Network maintenance" not in ops.get(LIST).text
    page = ops.get(f"{LIST}?view=drafts").text
    assert "Network maintenance" in page
    assert re.search(r"Drafts <span[^>]*>1<", page)


def test_what_is_over_is_only_under_all(ops: Browser, api: Api) -> None:
    published(api, starts_at="2020-01-01T00:00:00+00:00", ends_at="2020-01-01T01:00:00+00:00")
    assert "Network maintenance" not in ops.get(LIST).text
    assert "Network maintenance" in ops.get(f"{LIST}?view=all").text


def test_a_long_list_goes_on_where_the_page_ended(ops: Browser, api: Api) -> None:
    for number in range(27):
        drafted(api, content={"en": {"title": f"Draft number {number:02}", "body": "Text."}})
    first = ops.get(f"{LIST}?view=drafts").text
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward
    second = ops.get(unescape(onward[1])).text
    titles = [sorted(set(re.findall(r"Draft number (\d\d)", page))) for page in (first, second)]
    assert [len(found) for found in titles] == [25, 2]
    assert sorted(titles[0] + titles[1]) == [f"{number:02}" for number in range(27)]
    assert 'rel="next"' not in second


@pytest.mark.parametrize("query", ["view=nonsense", "cursor=nonsense", "cursor=%00", "view=drafts&cursor=2020-01-01~x"])
def test_an_address_that_was_cut_or_made_up_is_refused(ops: Browser, query: str) -> None:
    assert 400 <= ops.get(f"{LIST}?{query}").status_code < 500


# --- who may


@pytest.mark.parametrize(
    "path", ["", "/new", "/{id}", "/{id}/edit", "/{id}/publish", "/{id}/drop", "/{id}/mail", "/{id}/progress", "/{id}/recipients.csv"]
)
def test_whoever_has_another_role_is_refused(app: Flask, api: Api, one_account: None, path: str) -> None:
    id = drafted(api)
    assert Browser(app).as_staff("billing").get(LIST + path.format(id=id)).status_code == 403


@pytest.mark.parametrize("path", ["/new", "/{id}/edit", "/{id}/publish", "/{id}/drop", "/audience", "/preview"])
def test_nor_can_they_change_anything(app: Flask, api: Api, one_account: None, path: str) -> None:
    id = drafted(api)
    answer = Browser(app).as_staff("billing").post(LIST + path.format(id=id), page="/staff/sessions")
    assert answer.status_code == 403
    assert api.get(f"/v1/announcements/{id}").json["status"] == "draft"


# --- publishing


def test_the_last_look_says_what_will_happen(ops: Browser, api: Api) -> None:
    api.put("/v1/accounts/C-2", account(locale="de"))
    api.put("/v1/accounts/C-3", account(services=[service(location="ist1")]))
    page = words_of(ops.get(f"{LIST}/{drafted(api)}/publish").text)
    for expected in (
        "Network maintenance",
        "28 Mar 2027",
        "fra1",
        "2 accounts · 2 mails",
        "2 by mail",
        "not in their language: de 1",
        "UTC",
    ):
        assert expected in page, expected


def test_it_says_that_the_clock_changes_meanwhile(ops: Browser, api: Api) -> None:
    assert "clock" in words_of(ops.get(f"{LIST}/{drafted(api)}/publish").text)


def test_publishing_leads_to_the_page_that_shows_it_going_out(ops: Browser, api: Api, work: Callable[[], None], smtp: Server) -> None:
    id = drafted(api)
    answer = ops.post(f"{LIST}/{id}/publish", page=f"{LIST}/{id}/publish")
    assert answer.headers["Location"] == f"{LIST}/{id}"
    assert "on their way" in ops.follow(answer).text
    work()
    assert len(smtp.to("owner@one.example")) == 1


def test_a_double_click_publishes_once_and_says_so(ops: Browser, api: Api, work: Callable[[], None], smtp: Server) -> None:
    id = drafted(api)
    ops.post(f"{LIST}/{id}/publish", page=f"{LIST}/{id}/publish")
    page = ops.follow(ops.post(f"{LIST}/{id}/publish"))
    assert "Nothing is sent twice" in page.text
    work()
    assert len(smtp.to("owner@one.example")) == 1


def test_the_way_back_leads_to_the_live_page(ops: Browser, api: Api) -> None:
    id = published(api)
    for path in ("publish", "edit", "drop"):
        assert ops.get(f"{LIST}/{id}/{path}").headers["Location"] == f"{LIST}/{id}"


def test_an_audience_of_nobody_has_no_button_and_the_reason(ops: Browser, api: Api) -> None:
    id = drafted(api, audience={"locations": ["nowhere1"]})
    page = ops.get(f"{LIST}/{id}/publish").text
    assert "nowhere1" in page
    assert "Publish to" not in page
    answer = ops.post(f"{LIST}/{id}/publish")
    assert (answer.status_code, "matches nobody" in answer.text) == (422, True)


def test_a_draft_that_changed_after_the_last_look_is_not_published(ops: Browser, api: Api) -> None:
    id = drafted(api)
    seen = api.get(f"/v1/announcements/{id}").json["updated_at"]
    api.patch(f"/v1/announcements/{id}", {"content": {"en": {"title": "Something else", "body": "Text."}}})
    answer = ops.post(f"{LIST}/{id}/publish", page=f"{LIST}/{id}/publish", seen=seen)
    assert answer.status_code == 409
    assert "changed this draft in the meantime" in answer.text
    assert api.get(f"/v1/announcements/{id}").json["status"] == "draft"


# --- the delivery


def test_the_delivery_is_counted_by_state(ops: Browser, api: Api, work: Callable[[], None]) -> None:
    id = published(api)
    assert "0 / 0" in words_of(ops.get(f"{LIST}/{id}").text)
    work()
    page = ops.get(f"{LIST}/{id}").text
    assert re.search(r'<progress max="1" value="1"', page)
    for expected in ("1 / 1", "done", "in the inbox 1", "sent 1"):
        assert expected in words_of(page), expected


def test_the_stream_ends_once_everything_is_sent(ops: Browser, api: Api, work: Callable[[], None]) -> None:
    id = published(api)
    work()
    answer = ops.get(f"{LIST}/{id}/progress")
    assert answer.mimetype == "text/event-stream"
    (event,) = re.findall(r"event: progress\ndata: (.+)\n\n", answer.text)
    told = json.loads(event)
    assert (told["over"], told["sent"], told["of"], told["pace"]["counts"]) == (True, 1, 1, [1])
    assert "1 / 1" in words_of(told["html"])


def test_who_is_not_reached_is_named_with_the_servers_words(ops: Browser, api: Api, work: Callable[[], None]) -> None:
    id = published(api)
    work()
    with transaction() as session:
        delivery = session.scalars(select(Delivery)).one()
        delivery.state = "failed"
        delivery.attempts = [{"at": "2026-01-01T00:00:00+00:00", "reply": "550 5.1.1 no such <user>"}]
    page = ops.get(f"{LIST}/{id}").text
    link = re.search(r'href="([^"]+not-reached[^"]*)"', page)
    assert link
    found = ops.get(unescape(link[1])).text
    for expected in ("C-1", "owner@one.example", "550 5.1.1 no such &lt;user&gt;"):
        assert expected in found, expected


def test_the_proof_is_a_file_with_a_line_for_each_delivery(ops: Browser, api: Api, work: Callable[[], None]) -> None:
    id = published(api)
    work()
    answer = ops.get(f"{LIST}/{id}/recipients.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["account"], row["channel"], row["state"]) for row in rows] == [("C-1", "inbox", "sent"), ("C-1", "email", "sent")]
    assert rows[1]["reply"].startswith("250")


def test_it_is_shown_as_it_was_published(ops: Browser, api: Api) -> None:
    id = published(api, content={"en": {"title": "One", "body": "Text."}, "tr": {"title": "Bir", "body": "Metin."}})
    mail = ops.get(f"{LIST}/{id}/mail?locale=tr")
    assert "Metin." in mail.text
    assert "script-src" not in mail.headers["Content-Security-Policy"]
    assert "default-src 'none'" in mail.headers["Content-Security-Policy"]
    assert "sandbox" in mail.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
def test_what_does_not_exist_is_not_found(ops: Browser, path: str) -> None:
    assert ops.get(f"{LIST}/01890000-0000-7000-8000-000000000000{path}").status_code == 404


# --- a draft that is not wanted


def test_a_draft_is_dropped_once_that_is_confirmed(ops: Browser, api: Api) -> None:
    id = drafted(api)
    assert "told to nobody" in ops.get(f"{LIST}/{id}/drop").text
    page = ops.follow(ops.post(f"{LIST}/{id}/drop"))
    assert "The draft is dropped." in page.text
    assert api.get(f"/v1/announcements/{id}").status_code == 404


def test_what_is_published_cannot_be_dropped(ops: Browser, api: Api) -> None:
    id = drafted(api)
    ops.get(f"{LIST}/{id}/drop")
    assert api.post(f"/v1/announcements/{id}/publish", {}).status_code == 200
    page = ops.follow(ops.post(f"{LIST}/{id}/drop"))
    assert "only a draft" in page.text
    assert api.get(f"/v1/announcements/{id}").json["status"] == "published"
