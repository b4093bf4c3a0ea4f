"""Whatever is typed into the composer, and whoever asks for its pages: nothing runs, nothing breaks, nothing is lost."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask

from notifyhub.announcements import choices
from tests.announcements.steps import drafted
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api
from tests.staff.announcements import NEW, filled, saved, text_of

LIST = "/staff/announcements"
PAGES = ("", "/edit", "/publish", "/drop", "/mail", "/progress", "/recipients.csv")  # of one announcement
SCRIPT = "<script>alert(1)</script>"
LONG = "W" * 5000


@pytest.fixture
def ops(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1", account())
    choices.forget()
    return Browser(app).as_staff("ops")


@pytest.mark.parametrize(
    "path", ["", "/new", "/{id}", "/{id}/edit", "/{id}/publish", "/{id}/drop", "/{id}/mail", "/{id}/progress", "/{id}/recipients.csv"]
)
def test_whoever_has_another_role_is_refused(app: Flask, api: Api, path: str) -> None:
    id = drafted(api)
    assert Browser(app).as_staff("billing").get(LIST + path.format(id=id)).status_code == 403


@pytest.mark.parametrize("path", ["/new", "/{id}/edit", "/{id}/publish", "/{id}/drop", "/audience", "/preview"])
def test_nor_can_they_change_anything(app: Flask, api: Api, path: str) -> None:
    id = drafted(api)
    answer = Browser(app).as_staff("billing").post(LIST + path.format(id=id), page="/staff/sessions")
    assert answer.status_code == 403
    assert api.get(f"/v1/announcements/{id}").json["status"] == "draft"


@pytest.mark.parametrize("query", ["view=nonsense", "cursor=nonsense", "cursor=%00", "view=drafts&cursor=2020-01-01~x"])
def test_an_address_that_was_cut_or_made_up_is_refused(ops: Browser, query: str) -> None:
    assert 400 <= ops.get(f"{LIST}?{query}").status_code < 500


@pytest.mark.parametrize(
    "changes",
    [
        {"ends_at": "2027-03-28T02:30"},  # before it starts
        {"ends_at": "2027-03-28T03:30"},
        {"starts_at": ""},
        {"starts_at": "never"},
        {"starts_at": "99999-01-01T00:00"},
        {"starts_at": "0001-01-01T00:00"},
        {"time_zone": "Europe/Berlin", "starts_at": "2027-03-28T02:30"},  # the clock is put forward over it
        {"impact": ""},
        {"impact": "catastrophe"},
        {"title__en": ""},
        {"title__en": LONG},
        {"body__en": ""},
        {"body__en": "W" * 50_001},
        {"body__en": "Dear {{ password }}"},
        {"take__locations": ""},
        {"take__networks": "203.0.113.0/99"},
        {"except__networks": "everything"},
        {"take__networks": "\n".join(f"10.0.{number // 256}.{number % 256}" for number in range(501))},
        {"locale": ["en", "xx-nonsense-locale"], "title__xx-nonsense-locale": "a", "body__xx-nonsense-locale": "b"},
    ],
)  # fmt: skip
def test_a_wrong_form_comes_back_with_all_that_was_typed(ops: Browser, api: Api, changes: dict[str, Any]) -> None:
    answer = ops.post(NEW, page=NEW, **filled(**{"body__en": "Kept <b>text</b> of mine", "except__accounts": "C-77"} | changes))
    assert (answer.status_code, 'class="wrong"' in answer.text) == (422, True)
    page = unescape(answer.text)
    kept = [changes.get("body__en", "Kept <b>text</b> of mine"), changes.get("title__en", "Network maintenance"), "C-77"]
    kept += [typed for name, typed in changes.items() if name.startswith(("take__", "except__"))]
    assert [typed[:50] for typed in kept if typed not in page] == []
    assert api.get("/v1/announcements").json["items"] == []


def test_an_audience_that_was_forgotten_is_asked_for_in_plain_words(ops: Browser) -> None:
    assert "Choose who is told." in ops.post(NEW, page=NEW, **filled(take__locations="")).text


def test_the_choices_can_be_read_where_there_are_no_scripts(ops: Browser) -> None:
    choices.forget()
    page = ops.get(NEW).text
    assert "fra1 (1)" in text_of(page)
    assert re.search(r'<option value="fra1" data-count="1">', page)


def test_an_impact_that_the_page_does_not_have_is_none(ops: Browser, api: Api) -> None:
    id = saved(ops, kind="news", impact="catastrophe")
    assert api.get(f"/v1/announcements/{id}").json["impact"] is None


@pytest.mark.parametrize(
    "title", [SCRIPT, "🚧 Bakım 🚧", "صيانة مجدولة للشبكة", "{{ 7 * 7 }}", "W" * 200, '"><img src=x onerror=alert(1)>', "\u202edesrever"],
)  # fmt: skip
def test_a_title_is_never_more_than_its_text(ops: Browser, title: str) -> None:
    answer = ops.post(NEW, page=NEW, **filled(title__en=title))
    page = (ops.follow(answer) if answer.status_code == 303 else answer).text
    assert SCRIPT not in page
    assert "<img src=x" not in page
    if answer.status_code == 303:
        id = answer.headers["Location"].split("/")[-2]
        for path in (f"{LIST}?view=drafts", f"{LIST}/{id}/publish"):
            page = ops.get(path).text
            assert SCRIPT not in page
            assert "<img src=x" not in page


@pytest.mark.parametrize(
    "body", [SCRIPT, f"[a](javascript:alert(1)) {SCRIPT}", LONG, "# 🚧\n\n- صيانة\n- مجدولة", "<iframe src=//x>", "![x](http://x/y.png)"]
)
def test_markdown_is_shown_without_what_could_run(ops: Browser, body: str) -> None:
    for path in ("/preview", "/preview/mail"):
        page = ops.post(f"{LIST}{path}", page=NEW, **filled(body__en=body)).text
        assert "<script" not in page
        assert not re.search(r"<[^>]*javascript:", page)
        assert "<iframe src=//x" not in page
        assert 'src="http://x' not in page


def test_an_unready_form_has_no_preview_and_says_why(ops: Browser) -> None:
    answer = ops.post(f"{LIST}/preview", page=NEW, **filled(title__en=""))
    assert answer.status_code == 200
    assert "as soon as this is put right: Title: is empty" in text_of(answer.text)


def test_a_preview_of_anything_at_all_is_an_answer(ops: Browser) -> None:
    nul = filled(take__accounts="\x00", title__en="\x00")
    for path in ("/preview", "/preview/mail", "/audience"):
        for typed in ({}, {"locale": ["en", "\x00", "../../x"], "kind": "\x00"}, filled(take__networks="x" * 5000), nul):
            assert ops.post(f"{LIST}{path}", page=NEW, **typed).status_code == 200, (path, typed)
