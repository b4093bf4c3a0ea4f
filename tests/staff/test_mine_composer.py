"""Writing an announcement: nothing typed is lost, and whatever is typed shows as what it is."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from notifyhub.announcements import choices
from tests.announcements.steps import drafted, published
from tests.browserless import Browser
from tests.builders import account, service
from tests.conftest import Api

LIST = "/staff/announcements"
NEW = f"{LIST}/new"
SCRIPT = "<script>alert(1)</script>"
LONG = "W" * 5000


@pytest.fixture
def ops(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1", account())
    return Browser(app).as_staff("ops")


def form(**changes: Any) -> dict[str, Any]:
    """As the page sends it. Names with dots are written with __."""
    typed = {
        "kind": "maintenance", "impact": "outage", "starts_at": "2027-06-28T01:30", "ends_at": "2027-06-28T05:00",
        "time_zone": "Europe/Istanbul", "locale": ["en"], "title.en": "New switches", "body.en": "We replace **them**.",
        "take.locations": "fra1", "do": "save",
    }  # fmt: skip
    return typed | {name.replace("__", "."): value for name, value in changes.items()}


def save(ops: Browser, path: str = NEW, **changes: Any) -> TestResponse:
    return ops.post(path, page=path, **form(**changes))


def saved_id(answer: TestResponse) -> str:
    found = re.fullmatch(rf"{LIST}/([0-9a-f-]+)/edit", answer.headers["Location"])
    assert found
    return found[1]


def seen_on(page: str) -> str:
    found = re.search(r'name="seen" value="([^"]*)"', page)
    assert found
    return unescape(found[1])


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


# --- saving


def test_a_draft_is_made_of_what_was_typed(ops: Browser, api: Api) -> None:
    answer = save(ops, locale=["en", "tr"], title__tr="Yeni anahtarlar", body__tr="Değiştiriyoruz.", except__accounts="C-9")
    made = api.get(f"/v1/announcements/{saved_id(answer)}").json
    assert (made["kind"], made["impact"], made["status"]) == ("maintenance", "outage", "draft")
    assert (made["starts_at"][:16], made["ends_at"][:16]) == ("2027-06-27T22:30", "2027-06-28T02:00")
    assert made["content"]["tr"] == {"title": "Yeni anahtarlar", "body": "Değiştiriyoruz."}
    assert made["audience"] == {"locations": ["fra1"], "except": {"accounts": ["C-9"]}}
    assert "Draft saved" in ops.follow(answer).text


def test_what_is_pasted_is_split_where_people_split_it(ops: Browser, api: Api) -> None:
    answer = save(
        ops,
        take__locations="",
        take__services="100412, #100413;100414\n",
        take__networks="203.0.113.7\t2001:db8::/64",
        take__products="vps large\nds",
    )
    assert api.get(f"/v1/announcements/{saved_id(answer)}").json["audience"] == {
        "services": ["#100412", "#100413", "#100414"], "networks": ["203.0.113.7", "2001:db8::/64"], "products": ["vps large", "ds"],
    }  # fmt: skip


def test_the_button_to_publish_saves_and_leads_to_the_last_look(ops: Browser) -> None:
    assert re.fullmatch(rf"{LIST}/[0-9a-f-]+/publish", save(ops, do="publish").headers["Location"])


def test_a_published_one_is_not_changed_by_a_form_that_was_still_open(ops: Browser, api: Api) -> None:
    id = drafted(api)
    ops.get(f"{LIST}/{id}/edit")
    api.post(f"/v1/announcements/{id}/publish", {})
    answer = ops.post(f"{LIST}/{id}/edit", **form())
    assert answer.headers["Location"] == f"{LIST}/{id}"
    assert api.get(f"/v1/announcements/{id}").json["content"]["en"]["title"] == "Network maintenance"


# --- what is wrong stands beside its field, and what was typed stays


@pytest.mark.parametrize(
    "changes",
    [
        {"ends_at": "2027-06-28T00:30"},  # before it starts
        {"ends_at": "2027-06-28T01:30"},
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
    answer = save(ops, **{"body__en": "Kept <b>text</b> of mine", "except__accounts": "C-77"} | changes)
    assert (answer.status_code, 'class="wrong"' in answer.text) == (422, True)
    page = unescape(answer.text)
    kept = [changes.get("body__en", "Kept <b>text</b> of mine"), changes.get("title__en", "New switches"), "C-77"]
    kept += [typed for name, typed in changes.items() if name.startswith(("take__", "except__"))]
    assert [typed[:50] for typed in kept if typed not in page] == []
    assert api.get("/v1/announcements").json["items"] == []


def test_an_end_before_the_start_is_said_beside_the_end(ops: Browser) -> None:
    page = save(ops, ends_at="2027-06-28T00:30").text
    assert re.search(r'id="f-ends_at"[^>]*aria-invalid="true"|aria-invalid="true"[^>]*id="f-ends_at"', page)
    assert 'value="2027-06-28T00:30"' in page
    assert "must be later" in page


def test_an_audience_that_was_forgotten_is_asked_for_in_plain_words(ops: Browser) -> None:
    assert "Choose who is told." in save(ops, take__locations="").text


def test_the_choices_can_be_read_where_there_are_no_scripts(ops: Browser) -> None:
    choices.forget()
    page = ops.get(NEW).text
    assert "fra1 (1)" in words_of(page)
    assert re.search(r'<option value="fra1" data-count="1">', page)


def test_an_impact_that_the_page_does_not_have_is_none(ops: Browser, api: Api) -> None:
    answer = save(ops, kind="news", impact="catastrophe")
    assert api.get(f"/v1/announcements/{saved_id(answer)}").json["impact"] is None


def test_a_time_that_does_not_exist_is_explained(ops: Browser) -> None:
    page = words_of(save(ops, time_zone="Europe/Berlin", starts_at="2027-03-28T02:30", ends_at="2027-03-28T05:00").text)
    assert "02:30 does not exist in Europe/Berlin on that day: the clock is put forward" in page


def test_of_a_time_that_exists_twice_either_can_be_meant(ops: Browser, api: Api) -> None:
    typed = {"time_zone": "Europe/Berlin", "starts_at": "2027-10-31T02:30", "ends_at": "2027-10-31T05:00"}
    first, second = (
        api.get(f"/v1/announcements/{saved_id(save(ops, starts_at__second=which, **typed))}").json["starts_at"] for which in ("0", "1")
    )
    assert (first[:16], second[:16]) == ("2027-10-31T00:30", "2027-10-31T01:30")


# --- texts that try something


@pytest.mark.parametrize(
    "title", [SCRIPT, "🚧 Bakım 🚧", "صيانة مجدولة للشبكة", "{{ 7 * 7 }}", "W" * 200, '"><img src=x onerror=alert(1)>', "\u202edesrever"],
)  # fmt: skip
def test_a_title_is_never_more_than_its_text(ops: Browser, title: str) -> None:
    answer = save(ops, title__en=title)
    page = (ops.follow(answer) if answer.status_code == 303 else answer).text
    assert SCRIPT not in page
    assert "<img src=x" not in page
    if answer.status_code == 303:
        for path in (f"{LIST}?view=drafts", f"{LIST}/{saved_id(answer)}/publish"):
            page = ops.get(path).text
            assert SCRIPT not in page
            assert "<img src=x" not in page


@pytest.mark.parametrize(
    "body", [SCRIPT, f"[a](javascript:alert(1)) {SCRIPT}", LONG, "# 🚧\n\n- صيانة\n- مجدولة", "<iframe src=//x>", "![x](http://x/y.png)"]
)
def test_markdown_is_shown_without_what_could_run(ops: Browser, body: str) -> None:
    for path in ("/preview", "/preview/mail"):
        page = ops.post(f"{LIST}{path}", page=NEW, **form(body__en=body)).text
        assert "<script" not in page
        assert not re.search(r"<[^>]*javascript:", page)
        assert "<iframe src=//x" not in page
        assert 'src="http://x' not in page


# --- two tabs


def test_a_save_over_a_newer_one_is_refused_with_who_and_when(ops: Browser, app: Flask, api: Api) -> None:
    id = saved_id(save(ops))
    seen = seen_on(ops.get(f"{LIST}/{id}/edit").text)
    assert save(ops, f"{LIST}/{id}/edit", seen=seen, title__en="From the other tab").status_code == 303
    answer = save(ops, f"{LIST}/{id}/edit", seen=seen, title__en="From this tab")
    assert answer.status_code == 409
    for expected in ("Olivia Ops changed this draft in the meantime", "Not saved yet"):
        assert expected in words_of(answer.text), expected
    assert "From this tab" in answer.text
    assert api.get(f"/v1/announcements/{id}").json["content"]["en"]["title"] == "From the other tab"
    assert seen_on(answer.text) == seen, "saving once more is no way around it"


def test_saving_twice_in_one_tab_is_no_conflict(ops: Browser) -> None:
    id = saved_id(save(ops))
    for _ in range(2):
        page = ops.get(f"{LIST}/{id}/edit").text
        assert save(ops, f"{LIST}/{id}/edit", seen=seen_on(page)).status_code == 303


# --- languages, without scripts


def test_a_language_is_added_and_taken_away_with_everything_else_kept(ops: Browser) -> None:
    added = save(ops, do="add_language", language="pt-br", title__en="Kept title")
    assert added.status_code == 200
    assert 'name="title.pt_BR"' in added.text
    assert "Kept title" in added.text
    gone = save(ops, do="remove_language:pt_BR", locale=["en", "pt_BR"], title__en="Kept title")
    assert 'name="title.pt_BR"' not in gone.text
    assert "Kept title" in gone.text


def test_a_language_that_is_none_is_refused_beside_its_field(ops: Browser) -> None:
    answer = save(ops, do="add_language", language="klingonish!", title__en="Kept title")
    assert (answer.status_code, "Kept title" in answer.text) == (422, True)


# --- while it is being written


def test_whom_it_concerns_is_counted_and_explained(ops: Browser, api: Api) -> None:
    api.put("/v1/accounts/C-2", account(locale="de", name="Two <b>GmbH</b>", services=[service(), service(location="ist1")]))
    page = words_of(ops.post(f"{LIST}/audience", page=NEW, **form()).text)
    for expected in (
        "2 accounts · 2 services",
        "2 by mail",
        "not in their language: de 1",
        "owner@one.example",
        "C-2",
        "Two <b>GmbH</b>",
        "registered address",
    ):
        assert expected in page, expected


def test_an_audience_of_nobody_is_said_while_it_is_written(ops: Browser) -> None:
    page = words_of(ops.post(f"{LIST}/audience", page=NEW, **form(take__locations="nowhere1")).text)
    assert "Nobody is concerned." in page
    assert "matches nothing: nowhere1" in page


def test_the_preview_is_what_that_account_gets(ops: Browser, api: Api) -> None:
    api.put("/v1/accounts/C-2", account(locale="tr", name="İki", registered_email="iki@two.example"))
    texts = {"locale": ["en", "tr"], "body__en": "Dear {{ account_name }}", "title__tr": "Yeni", "body__tr": "Sayın {{ account_name }}"}
    page = ops.post(f"{LIST}/preview", page=NEW, **form(**texts), **{"as": "C-2"}).text
    for expected in ("iki@two.example", "Yeni", "Sayın İki"):
        assert expected in page, expected
    english = ops.post(f"{LIST}/preview", page=NEW, **form(**texts), **{"as": "C-2", "read_in": "en"}).text
    assert "Dear İki" in english


def test_the_window_is_spelled_out_with_its_clock_change(ops: Browser) -> None:
    typed = form(time_zone="Europe/Berlin", starts_at="2027-03-28T00:30", ends_at="2027-03-28T05:00")
    page = words_of(ops.post(f"{LIST}/preview", page=NEW, **typed).text)
    assert "28 Mar 2027, 00:30" in page
    assert "UTC" in page
    assert "clock" in page


def test_an_unready_form_has_no_preview_and_says_why(ops: Browser) -> None:
    answer = ops.post(f"{LIST}/preview", page=NEW, **form(title__en=""))
    assert answer.status_code == 200
    assert "as soon as this is put right: Title: is empty" in words_of(answer.text)


def test_a_preview_of_anything_at_all_is_an_answer(ops: Browser) -> None:
    nul = form(take__accounts="\x00", title__en="\x00")
    for path in ("/preview", "/preview/mail", "/audience"):
        for typed in ({}, {"locale": ["en", "\x00", "../../x"], "kind": "\x00"}, form(take__networks="x" * 5000), nul):
            assert ops.post(f"{LIST}{path}", page=NEW, **typed).status_code == 200, (path, typed)


def test_nothing_that_was_typed_is_in_the_list_of_published_ones(ops: Browser, api: Api) -> None:
    save(ops)
    published(api)
    assert "New switches" not in ops.get(LIST).text
