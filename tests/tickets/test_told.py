"""What the customer reads of a ticket: in mails, which are one thread, and in the inbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from notifyhub.database import utcnow
from notifyhub.files import PNG as IMAGE
from notifyhub.files import Checked
from notifyhub.tickets.states import By
from tests.conftest import Api, Templates
from tests.files import PNG
from tests.smtp import Server
from tests.tickets.steps import agent, answered, asked, changed, customer, noted, opened, urgent


@pytest.fixture
def database_url(templates: Templates) -> str:
    """One is enough: a text does not depend on it."""
    return templates.copy("sqlite")


@pytest.fixture(autouse=True)
def accounts(app: Flask, api: Api) -> None:
    customer(api, send_email={"support": [{"email": "help@one.example", "state": "verified"}]})


def test_it_goes_to_the_addresses_for_support(work: Callable[[], None], smtp: Server) -> None:
    opened()
    work()
    assert [mail.message["To"] for mail in smtp.mails] == ["help@one.example"]


def test_all_mails_of_a_ticket_are_one_thread_with_one_subject(work: Callable[[], None], smtp: Server) -> None:
    ticket, other = opened(), opened(subject="Another")
    answered(ticket)
    asked(ticket)
    changed(ticket, status="resolved")
    work()
    threads: dict[str, set[str]] = {}
    for mail in smtp.mails:
        threads.setdefault(mail.message["Subject"], set()).add(mail.message["References"])
        assert mail.message["In-Reply-To"] == mail.message["References"] != mail.message["Message-ID"]
    assert set(threads) == {f"[#{ticket.number}] The shop is slow", f"[#{other.number}] Another"}
    assert all(len(ids) == 1 for ids in threads.values())
    assert (len(smtp.mails), len(set.union(*threads.values()))) == (4, 2)


def test_the_receipt_promises_an_answer_in_the_readers_time(work: Callable[[], None], smtp: Server) -> None:
    ticket = opened()
    work()
    text = " ".join(smtp.mails[-1].text.split())
    assert f"We have received your ticket #{ticket.number}." in text
    assert "(Europe/Istanbul, UTC+03:00)" in text
    assert f"https://notify.provider.example/tickets/{ticket.number}" in text


def test_a_reply_is_there_as_text_and_as_html_and_made_safe(work: Callable[[], None], smtp: Server, api: Api) -> None:
    ticket = opened()
    noted(ticket, "the customer is angry")
    answered(ticket, "It was the **disk**.\n\n<img src=x onerror=alert(1)>\n\n{{ account_name }} %(x)s", By("staff", agent()))
    work()
    mail = smtp.mails[-1]
    assert "Ada Agent wrote:\r\n\r\nIt was the disk." in mail.text
    assert "{{ account_name }} %(x)s" in mail.text
    assert "It was the <strong>disk</strong>." in mail.html
    assert ("<img src=x" in mail.html, "&lt;img src=x" in mail.html) == (False, True)
    item = api.get("/v1/accounts/C-1/inbox").json["items"][0]
    assert (item["kind"], item["category"], item["title"]) == ("ticket", "support", f"[#{ticket.number}] The shop is slow")
    assert item["text"].startswith("Ada Agent wrote:\n\nIt was the disk.")
    assert "It was the <strong>disk</strong>." in item["html"]
    assert "angry" not in f"{[mail.raw for mail in smtp.mails]} {item}"


def test_the_line_breaks_of_a_reply_stay(work: Callable[[], None], smtp: Server, api: Api) -> None:
    answered(opened(), "We changed the disk.\n\nKind regards\nAda")
    work()
    assert "Kind regards\r\nAda" in smtp.mails[-1].text
    assert "Kind regards<br>\nAda" in api.get("/v1/accounts/C-1/inbox").json["items"][0]["html"]


def test_staff_without_a_name_are_our_support(work: Callable[[], None], smtp: Server) -> None:
    answered(opened())
    work()
    assert "Our support wrote:" in smtp.mails[-1].text


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"status": "waiting_for_customer"}, "We wait for your answer in this ticket."),
        ({"status": "resolved"}, "We consider this ticket resolved."),
        ({"status": "closed"}, "This ticket is closed."),
        ({"priority": "high"}, "This ticket now has high priority."),
        ({"department": "financial"}, "This ticket is now with our billing department."),
    ],
)
def test_a_change_is_a_sentence(wanted: dict[str, str], sentence: str, work: Callable[[], None], smtp: Server) -> None:
    changed(opened(), **wanted)
    work()
    assert sentence in smtp.mails[-1].text


def test_that_a_reply_waits_for_an_answer_goes_without_saying(work: Callable[[], None], smtp: Server) -> None:
    answered(opened())
    work()
    assert "We wait for your answer" not in smtp.mails[-1].text


def test_files_of_a_reply_travel_with_the_mail(work: Callable[[], None], smtp: Server) -> None:
    answered(opened(), "", files=[Checked("shot.png", IMAGE, PNG)])
    work()
    assert "Our support added files." in smtp.mails[-1].text
    (attachment,) = smtp.mails[-1].message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("shot.png", PNG)


def test_a_subject_cannot_add_headers_or_markup(work: Callable[[], None], smtp: Server) -> None:
    opened(subject="<b>50 %</b> ünlü =?utf-8?q?x?= " + "s" * 150)
    work()
    mail = smtp.mails[-1]
    assert mail.message["Subject"].startswith("[#1001] <b>50 %</b> ünlü =?utf-8?q?x?= sss")
    assert "&lt;b&gt;50 %&lt;/b&gt;" in mail.html
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 78


def test_nobody_is_told_twice(work: Callable[[], None], smtp: Server) -> None:
    ticket = opened(now=utcnow() - timedelta(seconds=1))
    answered(ticket)
    work()
    work()
    assert len(smtp.mails) == 2


def test_a_mail_about_an_incident_names_the_server(work: Callable[[], None], smtp: Server, api: Api) -> None:
    urgent()
    work()
    assert "shop #123456" in smtp.mails[-1].text
    assert api.get("/v1/accounts/C-1/inbox").json["items"][0]["services"] == [{"order_number": "#123456", "name": "shop"}]
