"""The list, the last look, the delivery as it goes, and who was not reached."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from notifyhub.announcements import choices, life, proof
from notifyhub.database import reading, transaction, utcnow
from notifyhub.models import Delivery, Mailbox, Revision
from tests.announcements.steps import told
from tests.browserless import Browser
from tests.builders import account, service
from tests.conftest import Api
from tests.staff.announcements import filled, saved, shown

LIST = "/staff/announcements"


@pytest.fixture
def staff(app: Flask, api: Api) -> Browser:
    choices.forget()
    api.put("/v1/accounts/C-1", account(services=[service(order_number="#1")]))
    api.put("/v1/accounts/C-2", account(registered_email="two@two.example"))
    return Browser(app).as_staff("ops")


def publish(staff: Browser, id: str) -> str:
    answer = staff.post(f"{LIST}/{id}/publish", page=f"{LIST}/{id}/publish")
    assert answer.headers["Location"] == f"{LIST}/{id}"
    return id


def published(staff: Browser, **changes: object) -> str:
    return publish(staff, saved(staff, **changes))


class TestWho:
    @pytest.mark.parametrize("role", ["agent", "billing", "abuse"])
    def test_other_roles_are_refused(self, app: Flask, role: str) -> None:
        browser = Browser(app).as_staff(role, email=f"{role}@staff.example")
        assert [browser.get(path).status_code for path in (LIST, f"{LIST}/new")] == [403, 403]

    def test_an_administrator_may_all(self, app: Flask) -> None:
        assert Browser(app).as_staff("admin").get(LIST).status_code == 200

    def test_the_first_page_is_the_list_for_whoever_may_see_it(self, app: Flask) -> None:
        assert Browser(app).as_staff("ops").get("/staff/").headers["Location"] == LIST
        other = Browser(app).as_staff("agent", email="agent@staff.example")
        assert other.follow(other.get("/staff/")).status_code == 200


class TestList:
    def test_an_empty_one_says_what_to_do(self, app: Flask) -> None:
        browser = Browser(app).as_staff("ops")
        assert {"New announcement" in shown(browser.get(f"{LIST}?view={view}")) for view in ("current", "drafts", "all")} == {True}

    def test_drafts_and_what_is_published_stand_apart(self, staff: Browser) -> None:
        saved(staff, title__en="A draft")
        published(staff, title__en="Told to all")
        views = {view: shown(staff.get(f"{LIST}?view={view}")) for view in ("current", "drafts", "all")}
        assert {view: ("A draft" in text, "Told to all" in text) for view, text in views.items()} == {
            "current": (False, True),
            "drafts": (True, False),
            "all": (True, True),
        }

    def test_a_row_says_what_when_who_and_how_many(self, staff: Browser) -> None:
        published(staff)
        said = shown(staff.get(LIST))
        wanted = ("Network maintenance", "Planned maintenance", "Outage", "28 Mar 2027", "Olivia Ops", "2 accounts")
        assert [text for text in wanted if text not in said] == []

    def test_what_is_over_is_not_current(self, staff: Browser) -> None:
        published(staff, starts_at="2020-03-28T03:30", ends_at="2020-03-28T07:00")
        assert "Nothing is going on" in shown(staff.get(LIST))

    def test_pages_go_on_where_the_one_before_ended(self, staff: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("notifyhub.routes.staff.announcements.PAGE", 2)
        for number in range(5):
            saved(staff, title__en=f"Draft {number}")
        seen, url = [], f"{LIST}?view=drafts"
        while url:
            page = staff.get(url)
            seen += [number for number in range(5) if f"Draft {number}" in page.text]
            url = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        assert sorted(seen) == [0, 1, 2, 3, 4]
        assert len(seen) == 5

    def test_an_address_of_no_view_leads_nowhere(self, staff: Browser) -> None:
        assert (staff.get(f"{LIST}?view=none").status_code, staff.get(f"{LIST}?cursor=x").status_code) == (404, 422)


class TestPublication:
    def test_the_last_look_says_what_will_happen(self, staff: Browser) -> None:
        said = shown(staff.get(f"{LIST}/{saved(staff)}/publish"))
        wanted = ("Network maintenance", "2 accounts · 2 mails", "2 by mail", "28 Mar 2027", "locations fra1", "lane: bulk", "Publish to 2")
        assert [text for text in wanted if text not in said] == []

    def test_the_button_tells_everyone_once(self, staff: Browser, work: Callable[[], None]) -> None:
        id = saved(staff)
        for _ in range(2):  # a double click
            publish(staff, id)
        work()
        assert told() == ["C-1", "C-2"]
        page = staff.get(f"{LIST}/{id}")
        assert (page.status_code, "published already" in page.text) == (200, True)

    def test_going_back_to_the_last_look_leads_to_the_delivery(self, staff: Browser) -> None:
        id = published(staff)
        for path in ("publish", "edit", "drop"):
            assert staff.get(f"{LIST}/{id}/{path}").headers["Location"] == f"{LIST}/{id}"

    def test_an_audience_of_nobody_is_refused_with_the_reason(self, staff: Browser) -> None:
        id = saved(staff, take__locations="nowhere")
        page = staff.get(f"{LIST}/{id}/publish")
        assert ("is taken by locations nowhere" in shown(page), "Publish to" in shown(page)) == (True, False)
        answer = staff.post(f"{LIST}/{id}/publish")
        assert (answer.status_code, "is taken by locations nowhere" in shown(answer)) == (422, True)

    def test_what_was_changed_after_the_last_look_is_not_published(self, staff: Browser) -> None:
        id = saved(staff)
        before = (utcnow() - timedelta(minutes=5)).isoformat()
        answer = staff.post(f"{LIST}/{id}/publish", page=f"{LIST}/{id}/publish", seen=before)
        assert (answer.status_code, "Not published: Olivia Ops changed this draft" in shown(answer)) == (409, True)

    def test_a_large_audience_is_counted_after_the_page_is_there(self, staff: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("notifyhub.routes.staff.publication.QUICK", 0)
        id = saved(staff, take__locations="", take__products="vps")
        page = staff.get(f"{LIST}/{id}/publish")
        assert ("2 accounts" in shown(page), "publish/count" in page.text) == (True, True)
        assert "2 by mail" in shown(staff.get(f"{LIST}/{id}/publish/count"))
        assert "2 mails" in shown(staff.get(f"{LIST}/{id}/publish"))


class TestDelivery:
    def test_the_page_is_a_snapshot_of_how_far_it_is(self, staff: Browser, fans_out_later: None, work: Callable[[], None]) -> None:
        id = published(staff)
        before = staff.get(f"{LIST}/{id}")
        assert ("0 / 0" in shown(before), "Refresh" in before.text) == (True, True)
        work()
        proof.forget()
        after = staff.get(f"{LIST}/{id}")
        assert ("2 / 2" in shown(after), "done" in shown(after), 'max="2" value="2"' in after.text) == (True, True, True)

    def test_events_carry_the_same_figures_until_it_is_over(self, staff: Browser, work: Callable[[], None]) -> None:
        id = published(staff)
        work()
        answer = staff.get(f"{LIST}/{id}/progress")
        assert answer.mimetype == "text/event-stream"
        (event,) = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]
        assert {name: event[name] for name in ("sent", "of", "told", "over")} == {"sent": 2, "of": 2, "told": 2, "over": True}
        assert "2 / 2" in event["html"]
        assert sum(event["pace"]["counts"]) == 2

    def test_mails_that_do_not_arrive_are_counted_by_reason_and_listed(
        self, staff: Browser, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("notifyhub.routes.staff.announcements.RECIPIENTS_PAGE", 1)
        with transaction() as session:
            session.execute(update(Mailbox).values(status="bouncing"))
        id = published(staff)
        work()
        proof.forget()
        page = staff.get(f"{LIST}/{id}")
        assert ("no usable address" in shown(page), "2 mails" in shown(page)) == (True, True)
        seen, url = [], page.text.partition('id="why-1" href="')[2].partition('"')[0].replace("&amp;", "&")
        while url:
            listed = staff.get(url)
            seen += [name for name in ("C-1", "C-2") if name in listed.text]
            url = listed.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        assert seen == ["C-1", "C-2"]

    @pytest.mark.parametrize("query", ["state=sent", "state=", "state=skipped&cursor=x/y"])
    def test_addresses_of_no_list_lead_nowhere(self, staff: Browser, query: str) -> None:
        assert staff.get(f"{LIST}/{published(staff)}/not-reached?{query}").status_code in (404, 422)

    def test_the_proof_is_a_file(self, staff: Browser, work: Callable[[], None]) -> None:
        id = published(staff)
        work()
        answer = staff.get(f"{LIST}/{id}/recipients.csv")
        assert (answer.mimetype, answer.text.count("C-1,"), "attachment" in answer.headers["Content-Disposition"]) == ("text/csv", 2, True)

    def test_what_is_shown_is_what_was_published(self, staff: Browser) -> None:
        said = shown(staff.get(f"{LIST}/{published(staff, except__accounts='C-9')}"))
        assert ("locations fra1 but not accounts C-9" in said, "28 Mar 2027" in said) == (True, True)

    def test_the_pace_has_at_most_sixty_steps_however_long_it_took(self, staff: Browser, work: Callable[[], None]) -> None:
        id = published(staff)
        work()
        start = utcnow() - timedelta(hours=50)
        with transaction() as session:
            for number, delivery in enumerate(session.query(Delivery).where(Delivery.channel == "email")):
                delivery.sent_at = start + timedelta(hours=49 * number)
        with reading() as session:
            announcement = life.find(session, uuid.UUID(id))
            pace = proof.pace(session, announcement, start, start + timedelta(hours=49))
        assert pace is not None
        assert (len(pace.counts) <= 60, sum(pace.counts), pace.counts[0], pace.counts[-1]) == (True, 2, 1, 1)


class TestDropping:
    def test_it_is_asked_first(self, staff: Browser) -> None:
        id = saved(staff)
        assert "Drop this draft?" in shown(staff.get(f"{LIST}/{id}/drop"))
        assert staff.get(f"{LIST}/{id}/edit").status_code == 200
        answer = staff.post(f"{LIST}/{id}/drop")
        assert "The draft is dropped" in staff.follow(answer).text
        assert staff.get(f"{LIST}/{id}/edit").status_code == 404

    def test_what_is_published_cannot_be_dropped(self, staff: Browser) -> None:
        id = published(staff)
        answer = staff.post(f"{LIST}/{id}/drop")
        assert answer.headers["Location"] == f"{LIST}/{id}"
        with reading() as session:
            assert session.query(Revision).count() == 1


@pytest.mark.parametrize("path", ["", "/edit", "/publish", "/drop", "/progress", "/not-reached", "/recipients.csv", "/mail"])
def test_what_is_not_there_is_404(staff: Browser, path: str) -> None:
    assert staff.get(f"{LIST}/0198c0de-0000-7000-8000-000000000000{path}").status_code == 404


def test_every_field_of_the_tests_is_one_of_the_page(staff: Browser) -> None:
    page = staff.get(f"{LIST}/new").text
    assert [name for name in filled() if f'name="{name}"' not in page] == []
