"""Writing an announcement: what is typed is checked, kept, counted, and shown as they would get it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from html import escape
from typing import Any

import pytest
import time_machine
from flask import Flask

from notifyhub.announcements import choices, life
from notifyhub.database import reading, utcnow
from notifyhub.models import Announcement
from tests.browserless import Browser
from tests.builders import account, service
from tests.conftest import Api
from tests.staff.announcements import NEW, filled, saved, shown, value, wrong

LONG = "m" * 5000
RAW = "<script>alert(1)</script>"


@pytest.fixture
def staff(app: Flask, api: Api) -> Browser:
    choices.forget()
    api.put("/v1/accounts/C-1", account(services=[service(order_number="#1"), service(order_number="#2")]))
    api.put("/v1/accounts/C-2", account(registered_email="iki@two.example", name="İki", locale="tr", services=[service(location="ist1")]))
    return Browser(app).as_staff("ops")


def drafts() -> list[Announcement]:
    with reading() as session:
        rows = list(session.query(Announcement))
        session.expunge_all()
        return rows


def row(id: str) -> Announcement:
    with reading() as session:
        found = life.find(session, uuid.UUID(id))
        session.expunge(found)
        return found


class TestSaving:
    def test_a_draft_holds_what_was_typed(self, staff: Browser) -> None:
        made = row(saved(staff, except__accounts="C-9"))
        assert (made.kind, made.impact, made.status) == ("maintenance", "outage", "draft")
        assert (made.starts_at.isoformat(), made.ends_at.isoformat()) == ("2027-03-28T00:30:00+00:00", "2027-03-28T04:00:00+00:00")
        assert made.content == {"en": {"title": "Network maintenance", "body": "We replace **core switches**."}}
        assert made.audience == {"locations": ["fra1"], "except": {"accounts": ["C-9"]}}
        assert made.created_by.endswith("Olivia Ops")

    def test_an_edited_draft_shows_what_it_holds_in_the_members_own_zone(self, staff: Browser) -> None:
        page = staff.get(f"/staff/announcements/{saved(staff)}/edit")
        assert (value(page, "starts_at"), value(page, "title.en")) == ("2027-03-28T01:30", "Network maintenance")
        assert "Draft saved" in shown(page)

    def test_saving_again_changes_the_same_draft(self, staff: Browser) -> None:
        edit = f"/staff/announcements/{saved(staff)}/edit"
        seen = value(staff.get(edit), "seen")
        assert staff.post(edit, **filled(title__en="Another title", seen=seen)).status_code == 303
        assert [draft.content["en"]["title"] for draft in drafts()] == ["Another title"]

    def test_publish_saves_first(self, staff: Browser) -> None:
        answer = staff.post(NEW, page=NEW, **filled(do="publish"))
        assert answer.headers["Location"] == f"/staff/announcements/{drafts()[0].id}/publish"

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ({"take__services": "1, #2;3\n#4 1"}, {"services": ["#1", "#2", "#3", "#4"]}),
            ({"take__services": "A-7"}, {"services": ["A-7"]}),
            ({"take__networks": "203.0.113.7 2001:db8::/64"}, {"networks": ["203.0.113.7", "2001:db8::/64"]}),
            ({"take__locations": "Frankfurt DC1, ist1"}, {"locations": ["Frankfurt DC1", "ist1"]}),
            ({"all": "1", "take__locations": ""}, {"all": True}),
        ],
    )
    def test_lists_are_read_however_they_were_pasted(self, staff: Browser, typed: dict[str, str], expected: dict[str, Any]) -> None:
        assert row(saved(staff, **({"take__locations": ""} | typed))).audience == expected


class TestRefusing:
    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"ends_at": "2027-03-28T03:00"}, "f-ends_at", "must be later"),
            ({"starts_at": ""}, "f-starts_at", "is required for maintenance"),
            ({"starts_at": "tomorrow"}, "f-starts_at", "is not a date and a time"),
            ({"starts_at": "9999-12-31T23:00"}, "f-starts_at", "2000 to 2199"),
            ({"impact": ""}, "f-impact", "is required for maintenance"),
            ({"title.en": ""}, "f-title-en", "is empty"),
            ({"title.en": LONG}, "f-title-en", "5,000 characters; 200 are allowed"),
            ({"body.en": "Dear {{ customer }}"}, "f-body-en", "no variable {{ customer }}"),
            ({"take.locations": ""}, "f-audience", "Choose who is told"),
            ({"take.networks": "203.0.113.0/24 203.0.113.1/24"}, "f-take-networks", "203.0.113.1/24 has host bits set"),
            ({"except.networks": "nowhere"}, "f-except-networks", "nowhere is not an IPv4"),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field_and_all_is_kept(
        self, staff: Browser, changes: dict[str, str], field: str, message: str
    ) -> None:
        typed = {"title.en": "Kept 🛠 العنوان", "body.en": RAW} | changes
        answer = staff.post(NEW, page=NEW, **(filled() | typed))
        assert message in wrong(answer)[field]
        assert {name: value(answer, name) for name in ("title.en", "body.en")} == {name: typed[name] for name in ("title.en", "body.en")}
        assert RAW not in answer.text
        assert drafts() == []

    def test_a_second_language_must_be_complete_or_go(self, staff: Browser) -> None:
        typed = filled(locale=["en", "tr"], title__tr="Bakım", body__tr="")
        assert "f-body-tr" in wrong(staff.post(NEW, page=NEW, **typed))
        assert "title.tr" not in staff.post(NEW, **typed, do="remove_language:tr").text

    def test_a_language_is_added_without_saving_anything(self, staff: Browser) -> None:
        answer = staff.post(NEW, page=NEW, **filled(do="add_language", language="pt-br"))
        assert (answer.status_code, value(answer, "title.pt_BR"), value(answer, "title.en")) == (200, "", "Network maintenance")
        assert drafts() == []

    def test_a_language_that_does_not_exist_is_said(self, staff: Browser) -> None:
        answer = staff.post(NEW, page=NEW, **filled(do="add_language", language=RAW))
        assert "is not a known locale" in wrong(answer)["f-language"]

    def test_five_thousand_characters_of_one_word_are_fine_in_the_text(self, staff: Browser) -> None:
        assert row(saved(staff, body__en=LONG)).content["en"]["body"] == LONG

    def test_the_longest_texts_of_many_languages_get_through(self, staff: Browser) -> None:
        typed = filled(locale=["en", "ar", "fa"], title__ar="ب", title__fa="ب", body__ar="ب" * 50_000, body__fa="ب" * 50_000)
        answer = staff.post(NEW, page=NEW, **typed)
        assert answer.status_code == 303


class TestClockChanges:
    ZONE = "Europe/Berlin"  # forward on 28 March 2027 at 02:00, back on 31 October 2027 at 03:00

    def test_a_time_that_does_not_exist_is_said(self, staff: Browser) -> None:
        answer = staff.post(NEW, page=NEW, **filled(time_zone=self.ZONE, starts_at="2027-03-28T02:30"))
        assert "02:30 does not exist in Europe/Berlin" in wrong(answer)["f-starts_at"]

    @pytest.mark.parametrize(("second", "expected"), [("0", "00:30"), ("1", "01:30")])
    def test_of_a_time_that_exists_twice_one_is_chosen(self, staff: Browser, second: str, expected: str) -> None:
        typed = {"time_zone": self.ZONE, "starts_at": "2027-10-31T02:30", "ends_at": "2027-10-31T05:00"}
        preview = staff.post("/staff/announcements/preview", page=NEW, **filled(**typed))
        assert "twice that night" in shown(preview)
        made = row(saved(staff, **typed, **{"starts_at.second": second}))
        assert f"{made.starts_at:%H:%M}" == expected
        page = staff.get(f"/staff/announcements/{made.id}/edit")
        assert (value(page, "starts_at"), f'value="{second}" checked' in page.text) == ("2027-10-31T02:30", True)

    def test_the_window_is_spelled_out_with_the_change(self, staff: Browser) -> None:
        typed = filled(time_zone=self.ZONE, starts_at="2027-03-28T01:30", ends_at="2027-03-28T05:00")
        said = shown(staff.post("/staff/announcements/preview", page=NEW, **typed))
        assert ("UTC+01:00" in said, "UTC+02:00" in said, "goes forward" in said, "2 hrs 30 mins" in said) == (True,) * 4


class TestTwoTabs:
    def test_the_later_save_is_refused_names_the_other_and_keeps_what_was_typed(self, app: Flask, staff: Browser) -> None:
        edit = f"/staff/announcements/{saved(staff)}/edit"
        seen = value(staff.get(edit), "seen")
        other = Browser(app).as_staff("ops", email="ada@staff.example")
        with time_machine.travel(utcnow() + timedelta(minutes=1)):
            assert other.post(edit, page=edit, **filled(title__en="Theirs", seen=seen)).status_code == 303
        answer = staff.post(edit, **filled(title__en="Mine", seen=seen))
        assert (answer.status_code, value(answer, "title.en")) == (409, "Mine")
        assert "Not saved: Olivia Ops changed this draft" in shown(answer)
        assert drafts()[0].content["en"]["title"] == "Theirs"

    def test_it_is_refused_once_published_and_leads_to_what_became_of_it(self, staff: Browser) -> None:
        id = saved(staff)
        staff.post(f"/staff/announcements/{id}/publish", page=f"/staff/announcements/{id}/publish")
        answer = staff.post(f"/staff/announcements/{id}/edit", **filled(title__en="Late"))
        assert answer.headers["Location"] == f"/staff/announcements/{id}"
        assert (
            "only a draft can be changed" in shown(staff.follow(answer))
            or "only a draft can be changed" in staff.get("/staff/sessions").text
        )


class TestAudience:
    def ask(self, staff: Browser, **changes: Any) -> str:
        return shown(staff.post("/staff/announcements/audience", page=NEW, **filled(**changes)))

    def test_counts_accounts_services_mails_and_languages(self, staff: Browser) -> None:
        said = self.ask(staff, take__locations="fra1\nist1")
        assert ("2 accounts · 3 services" in said, "2 by mail" in said, "not in their language: tr 1" in said) == (True,) * 3

    def test_explains_a_sample(self, staff: Browser) -> None:
        said = self.ask(staff)
        assert ("C-1" in said, "owner@one.example" in said, "registered address: none is set" in said, "rule 4" in said) == (True,) * 4

    def test_says_what_matches_nothing(self, staff: Browser) -> None:
        said = self.ask(staff, take__locations="fra1\nfra9", take__services="#404 #405", take__accounts="C-404")
        assert ("1 entry matches nothing: fra9" in said, "2 entries match nothing: #404, #405" in said, "C-404" in said) == (True,) * 3

    def test_says_that_nobody_is_concerned(self, staff: Browser) -> None:
        assert "Nobody is concerned" in self.ask(staff, take__locations="nowhere")

    def test_waits_for_a_choice(self, staff: Browser) -> None:
        assert self.ask(staff, take__locations="") == "Choose who is told."

    def test_says_at_once_how_many_a_large_one_has_and_the_rest_when_it_is_counted(
        self, staff: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("notifyhub.routes.staff.composer.QUICK", 0)
        first = staff.post("/staff/announcements/audience", page=NEW, **filled(take__products="vps"))
        assert ("2 accounts" in shown(first), "by mail" in shown(first), "whole=1" in first.text) == (True, True, True)
        assert "2 accounts · 3 services" in shown(staff.post("/staff/announcements/audience?whole=1", **filled(take__products="vps")))


class TestPreview:
    def look(self, staff: Browser, **changes: Any) -> str:
        return staff.post("/staff/announcements/preview", page=NEW, **filled(**changes)).text

    def test_shows_the_form_as_it_is_unsaved_as_an_account_of_the_audience_gets_it(self, staff: Browser) -> None:
        page = self.look(staff, body__en="Dear {{ account_name }}: {{ services }}")
        assert ("Dear One Ltd" in page, "#1" in page, "owner@one.example" in page, drafts()) == (True, True, True, [])

    def test_shows_another_account_in_its_own_language(self, staff: Browser) -> None:
        typed = {"take__locations": "fra1\nist1", "locale": ["en", "tr"], "title__tr": "Bakım", "body__tr": "Sayın {{ account_name }}"}
        page = self.look(staff, **typed, **{"as": "C-2"})
        assert ("Sayın İki" in page, "iki@two.example" in page) == (True, True)
        assert "Sayın İki" not in self.look(staff, **typed, **{"as": "C-2", "read_in": "en"})

    def test_of_what_cannot_be_rendered_yet_it_says_why(self, staff: Browser) -> None:
        page = self.look(staff, body__en="{{ nothing }}")
        assert "no variable {{ nothing }}" in page.replace("&#39;", "'")

    def test_shows_something_while_nobody_is_chosen(self, staff: Browser) -> None:
        assert "Network maintenance" in self.look(staff, take__locations="")

    @pytest.mark.parametrize("path", ["preview", "preview/mail"])
    def test_what_staff_write_does_not_run(self, staff: Browser, path: str) -> None:
        typed = filled(title__en=RAW, body__en=f"{RAW} <img src=x onerror=alert(1)> [a](https://one.example)")
        page = staff.post(f"/staff/announcements/{path}", page=NEW, **typed).text
        assert (RAW in page, "<img" in page, escape(RAW, quote=False) in page) == (False, False, True)

    def test_the_mail_is_a_document_in_which_nothing_runs_or_loads(self, staff: Browser) -> None:
        answer = staff.post("/staff/announcements/preview/mail", page=NEW, **filled())
        policy = answer.headers["Content-Security-Policy"]
        assert ("default-src 'none'" in policy, "sandbox" in policy, "<strong" in answer.text) == (True, True, True)

    def test_a_saved_one_is_shown_without_scripts(self, staff: Browser) -> None:
        answer = staff.get(f"/staff/announcements/{saved(staff)}/mail")
        assert ("sandbox" in answer.headers["Content-Security-Policy"], "core switches" in answer.text) == (True, True)


def test_right_to_left_texts_keep_their_direction(staff: Browser) -> None:
    page = staff.get(f"/staff/announcements/{saved(staff, locale=['en', 'ar'], title__ar='صيانة 🛠', body__ar='مرحبا')}/edit").text
    assert 'dir="auto"' in page
    assert "صيانة 🛠" in page
