"""Replies of both sides, and notes among staff."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifyhub.database import utcnow
from notifyhub.errors import Conflict, Invalid, NotFound
from notifyhub.files import PNG as IMAGE
from notifyhub.files import Checked
from notifyhub.tickets import conversation
from notifyhub.tickets.states import By
from tests.conftest import Api
from tests.files import PNG
from tests.tickets.steps import agent, answered, asked, changed, customer, noted, opened, read, told, whole, wrong

PICTURE = Checked("shot.png", IMAGE, PNG)


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)
    customer(api, "C-2")


def test_the_first_reply_of_staff_stops_the_clock() -> None:
    ticket, now = opened(), utcnow() + timedelta(minutes=2)
    answered(ticket, now=now)
    found = read(ticket)
    assert (found.first_response_at, found.alert_at, found.status) == (now, None, "waiting_for_customer")


def test_a_later_one_does_not_move_it() -> None:
    ticket, now = opened(), utcnow()
    answered(ticket, now=now)
    answered(ticket, now=now + timedelta(hours=1))
    assert read(ticket).first_response_at == now


def test_a_note_is_no_response() -> None:
    ticket = opened()
    noted(ticket)
    found = read(ticket)
    assert (found.first_response_at, found.status, found.alert_at) == (None, "open", ticket.alert_at)


def test_the_customer_reads_replies_and_no_notes() -> None:
    ticket, ada = opened(body="Help"), agent()
    noted(ticket, "psst", By("staff", ada))
    answered(ticket, "It is the *disk*.", By("staff", ada))
    asked(ticket, "Thanks <3\n\n*really*")
    messages = whole(ticket, internal=False).messages
    assert [(message.author, message.staff.name if message.staff else None, message.html) for message in messages] == [
        ("customer", None, "<p>Help</p>"),
        ("staff", "Ada Agent", "<p>It is the <em>disk</em>.</p>"),
        ("customer", None, "<p>Thanks &lt;3</p>\n<p>*really*</p>"),
    ]
    assert [message.body for message in whole(ticket).messages if message.internal] == ["psst"]


def test_what_staff_write_is_made_safe() -> None:
    ticket = opened()
    answered(ticket, "<script>alert(1)</script> [x](javascript:alert(1)) {{ account_name }}")
    html = whole(ticket).messages[-1].html
    assert "&lt;script&gt;" in html
    assert ("<script" in html, "<a" in html) == (False, False)
    assert "{{ account_name }}" in html


@pytest.mark.parametrize("status", ["waiting_for_customer", "resolved"])
def test_a_reply_of_the_customer_opens_it_again(status: str) -> None:
    ticket = opened()
    answered(ticket, status=status)
    asked(ticket)
    assert read(ticket).status == "open"
    assert [(change.author, change.before, change.after) for change in whole(ticket).changes] == [
        ("staff", "open", status),
        ("customer", status, "open"),
    ]


def test_what_the_customer_writes_is_told_to_nobody_else() -> None:
    ticket = opened()
    before = told()
    asked(ticket)
    noted(ticket)
    assert told() == before


def test_a_reply_of_staff_is_told_with_its_words_and_files() -> None:
    ticket = opened()
    answered(ticket, "Look:", By("staff", agent()), files=[PICTURE])
    data = told()[-1]
    assert (data["reply_markdown"], data["answer_by"], "status" in data) == ("Look:", "Ada Agent", False)
    assert [(file["name"], file["media_type"], file["size"]) for file in data["files"]] == [("shot.png", IMAGE, len(PNG))]


def test_one_telling_says_a_reply_and_that_it_is_resolved() -> None:
    ticket = opened()
    answered(ticket, status="resolved")
    assert (len(told()), told()[-1]["reply_markdown"], told()[-1]["status"]) == (2, "We look into it.", "resolved")
    assert read(ticket).status == "resolved"


def test_a_reply_leaves_a_resolved_one_resolved() -> None:
    ticket = opened()
    answered(ticket, status="resolved")
    answered(ticket, "One more thing")
    assert read(ticket).status == "resolved"


def test_nothing_can_be_added_to_a_closed_one_but_a_note() -> None:
    ticket = opened()
    changed(ticket, status="closed")
    with pytest.raises(Conflict, match="Please open a new one"):
        asked(ticket)
    with pytest.raises(Conflict, match="Open it again before you reply"):
        answered(ticket)
    noted(ticket)
    assert [message.body for message in whole(ticket).messages] == ["Since this morning.", "Looks like the disk."]


@pytest.mark.parametrize("body", ["", "\n", "b" * 50_001])
def test_a_message_has_words_and_not_too_many(body: str) -> None:
    ticket = opened()
    for say in (answered, asked, noted):
        with pytest.raises(Invalid) as found:
            say(ticket, body)
        assert set(wrong(found.value)) == {"body"}
    assert len(whole(ticket).messages) == 1


def test_files_need_no_words() -> None:
    ticket = opened()
    asked(ticket, "", files=[PICTURE])
    message = whole(ticket).messages[-1]
    assert (message.body, message.html, [file.name for file in message.files]) == ("", "", ["shot.png"])


def test_another_account_finds_no_such_ticket() -> None:
    ticket, other = opened(), opened("C-2")
    ticket.account_id = other.account_id
    with pytest.raises(NotFound):
        asked(ticket)


def test_a_status_that_does_not_exist_is_refused() -> None:
    ticket = opened()
    with pytest.raises(Invalid) as found:
        answered(ticket, status="gone")
    assert wrong(found.value) == {"status": "must be one of open, waiting_for_customer, resolved, closed"}


def test_whoever_has_not_read_the_newest_message_is_told_so() -> None:
    ticket = opened()
    seen = whole(ticket).messages[-1].id
    noted(ticket)
    answered(ticket, seen=seen)
    with pytest.raises(conversation.Overtaken):
        answered(ticket, "Me too", seen=seen)
    assert len(whole(ticket).messages) == 3


class TestResolvedWithoutAnAnswer:
    def test_the_clock_stops(self) -> None:
        ticket = opened()
        changed(ticket, status="resolved")
        assert read(ticket).alert_at is None

    def test_opened_again_it_is_promised_anew(self) -> None:
        ticket, later = opened(), utcnow() + timedelta(hours=3)
        changed(ticket, status="resolved")
        asked(ticket, now=later)
        found = read(ticket)
        assert (found.promised_at, found.alert_at) == (later + timedelta(minutes=10), later + timedelta(minutes=7))
