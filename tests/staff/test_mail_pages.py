"""Incoming mail, as staff see it."""

from __future__ import annotations

from flask import Flask

from notifyhub.database import reading
from notifyhub.models import IncomingMail
from tests.browserless import Browser
from tests.conftest import Api
from tests.intake import samples


def received(api: Api, raw: bytes) -> str:
    answer = api.post("/v1/intake/email", data=raw, content_type="message/rfc822", query_string={"wait": "1"})
    return str(answer.json["id"])


def test_a_mail_is_listed_with_what_it_was_taken_for(app: Flask, api: Api) -> None:
    received(api, samples.delivery_report())
    page = Browser(app).as_staff("ops").get("/staff/mails").text
    assert "Undelivered Mail Returned to Sender" in page
    assert "none that is proven to be ours" in page
    assert "User unknown" in page


def test_they_are_filtered_by_that(app: Flask, api: Api) -> None:
    received(api, samples.delivery_report())
    received(api, samples.VACATION)
    page = Browser(app).as_staff("ops").get("/staff/mails?outcome=auto_reply").text
    assert "Out of office" in page
    assert "Undelivered" not in page


def test_an_unknown_filter_and_a_wrong_cursor_are_said(app: Flask) -> None:
    staff = Browser(app).as_staff("ops")
    assert "nothing that mails are taken for" in staff.get("/staff/mails?outcome=nonsense").text
    assert staff.get("/staff/mails?cursor=nonsense").status_code == 422


def test_what_a_mail_says_is_text(app: Flask, api: Api) -> None:
    received(api, b"Subject: <script>alert(1)</script>\r\nFrom: <b>@x\r\n\r\nhello")
    page = Browser(app).as_staff("ops").get("/staff/mails").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_whole_mail_is_a_download_that_no_browser_shows(app: Flask, api: Api) -> None:
    id = received(api, b"Content-Type: text/html\r\n\r\n<script>alert(1)</script>")
    answer = Browser(app).as_staff("ops").get(f"/staff/mails/{id}/raw")
    assert answer.data.endswith(b"</script>")
    assert answer.mimetype == "text/plain"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_only_those_who_answer_mail_read_it_whole(app: Flask, api: Api) -> None:
    id = received(api, samples.PERSON)
    staff = Browser(app).as_staff("billing")
    assert "The whole mail" not in staff.get("/staff/mails").text
    assert staff.get(f"/staff/mails/{id}/raw").status_code == 403


def test_it_can_be_worked_on_again(app: Flask, api: Api) -> None:
    id = received(api, samples.PERSON)
    assert Browser(app).as_staff("ops").post(f"/staff/mails/{id}/again", page="/staff/mails").status_code == 303
    with reading() as session:
        assert session.query(IncomingMail).one().outcome is None


def test_one_that_is_not_there_is_not_found(app: Flask) -> None:
    path = "/staff/mails/00000000-0000-0000-0000-000000000000/raw"
    assert Browser(app).as_staff("ops").get(path).status_code == 404
