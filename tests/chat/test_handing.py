"""A conversation becomes a ticket: what is in it, for whom, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask

from notifyhub.chat import conversation, handing
from notifyhub.chat.states import BODY_CHARACTERS, LAST_WORDS
from notifyhub.errors import Invalid, NotFound, TooMany
from notifyhub.tickets.opening import BODY_CHARACTERS as MOST_IN_A_TICKET
from tests.chat.steps import addressed, answered, asked, ended, handed_over, present, read, rows, swept, ticket_of, told
from tests.smtp import Server
from tests.tickets.steps import answered as told_by_staff
from tests.tickets.steps import whole

LAST = "and the other one, web, as well, which nobody has looked at so far, as it seems to me"


def test_the_ticket_has_all_that_was_said(now: datetime, mine: dict[str, int]) -> None:
    asked("My server\nis <b>slow</b>", now=now, **mine)
    answered("Which one?", now=now)
    asked("shop", now=now)
    ticket = handed_over("financial", "high")
    assert (ticket.account_id, ticket.department, ticket.priority) == (mine["account_id"], "financial", "high")
    assert ticket.subject == "My server is <b>slow</b>"
    (message,) = whole(ticket).messages
    assert (message.via, message.author, message.files) == ("chat", "customer", [])
    at = f"{now:%H:%M}"
    assert message.body == (
        f"Live chat of {now:%Y-%m-%d}, times in UTC\n\n{at} One Ltd:\nMy server\nis <b>slow</b>\n\n{at} Ada Agent:\nWhich one?\n\n"
        f"{at} One Ltd:\nshop"
    )
    assert "<b>" not in message.html


def test_the_visitor_is_told_its_number_and_the_conversation_is_over(mine: dict[str, int]) -> None:
    asked(**mine)
    ticket = handed_over()
    assert (read().status, read().due_at, read().waiting_since, ticket_of().number) == ("ticket", None, None, ticket.number)
    assert (rows()[-1].event, rows()[-1].details) == ("ticket", {"number": ticket.number})
    with pytest.raises(conversation.Over):
        handed_over()


def test_the_customer_hears_of_it_once(mine: dict[str, int], work: Callable[[], None], smtp: Server) -> None:
    asked(**mine)
    ticket = handed_over(priority="high")
    work()
    assert [mail.message["Subject"] for mail in smtp.mails] == [f"[#{ticket.number}] Is there a discount?"]
    assert "first answer by" in smtp.mails[0].text


def test_a_long_first_line_is_cut_between_words(mine: dict[str, int]) -> None:
    asked(f"The server called shop is slow, {LAST}", **mine)
    assert handed_over().subject == "The server called shop is slow, and the other one, web, as well, which nobody …"


def test_the_longest_conversation_fits_into_a_ticket(now: datetime, mine: dict[str, int]) -> None:
    for index in range(30):
        asked("x" * BODY_CHARACTERS, now=now + timedelta(minutes=index), **mine)
    asked("the end", now=now + timedelta(minutes=31))
    (message,) = whole(handed_over()).messages
    assert len(message.body) < MOST_IN_A_TICKET
    assert "\n[…]\n" in message.body
    assert message.body.endswith("the end")


def test_the_words_are_in_the_language_of_the_visitor(mine: dict[str, int]) -> None:
    asked(locale="tr", **mine)
    assert read().locale == "tr"
    assert "UTC" in whole(handed_over()).messages[0].body.splitlines()[0]


@pytest.mark.parametrize(("department", "priority", "field"), [("sales", "regular", "department"), ("technical", "urgent", "priority")])
def test_what_is_no_department_or_priority_makes_no_ticket(mine: dict[str, int], department: str, priority: str, field: str) -> None:
    asked(**mine)
    with pytest.raises(Invalid) as caught:
        handed_over(department, priority)
    assert [error.field for error in caught.value.errors] == [field]
    assert (read().status, read().ticket_id) == ("waiting", None)


def test_a_visitor_who_left_no_address_cannot_be_answered_by_ticket(app: Flask) -> None:
    asked()
    with pytest.raises(handing.Unreachable):
        handed_over()
    assert read().status == "waiting"


class TestOfAStranger:
    """Who has no account, and left an address."""

    def test_a_ticket_is_answered_there(self, now: datetime, work: Callable[[], None], smtp: Server) -> None:
        asked("Buy pills at https://spam.example", now=now)
        addressed("guest@visitor.example", now=now)
        swept(now + LAST_WORDS)
        ticket = ticket_of()
        assert (ticket.account_id, ticket.contact_name, ticket.subject) == (None, None, "Question by live chat")
        work()
        assert [mail.message["To"] for mail in smtp.mails] == ["guest@visitor.example"]
        assert "spam.example" not in smtp.mails[0].raw.decode()  # whoever owns the address may have asked nothing
        told_by_staff(ticket, "We do not sell those.")
        work()
        assert "We do not sell those." in smtp.mails[1].text

    def test_an_address_that_comes_late_makes_the_ticket_at_once(self, now: datetime) -> None:
        asked(now=now)
        swept(now + LAST_WORDS)
        assert read().status == "unanswered"
        addressed(now=now + timedelta(minutes=5))
        assert (read().status, told()[-1]) == ("ticket", "(ticket)")
        assert ticket_of().created_at == now + timedelta(minutes=5)  # what is promised, is promised from then on

    def test_an_agent_makes_one_of_it(self, app: Flask) -> None:
        asked("Is there a discount?")
        addressed()
        assert "Is there a discount?" in whole(handed_over()).messages[0].body

    def test_the_address_of_a_customer_makes_nobody_a_customer(self, now: datetime, mine: dict[str, int]) -> None:
        asked(now=now)
        addressed("owner@one.example", now=now)
        swept(now + LAST_WORDS)
        assert ticket_of().account_id is None


class TestAddress:
    def test_it_is_asked_for_once_nobody_is_there(self, app: Flask) -> None:
        present()
        asked(name="with somebody")
        assert not conversation.asks_address(read("with somebody"))

    def test_not_of_a_customer(self, mine: dict[str, int]) -> None:
        asked(**mine)
        assert not conversation.asks_address(read())

    def test_until_it_is_given(self, app: Flask) -> None:
        asked()
        assert conversation.asks_address(read())
        addressed("Guest@Visitor.Example")
        assert (read().email, conversation.asks_address(read())) == ("Guest@visitor.example", False)

    @pytest.mark.parametrize("email", ["", "guest", "guest@", "a b@c.example", "a@b.example\r\nBcc: x@y.example", "x" * 300 + "@y.example"])
    def test_what_is_none_is_refused(self, app: Flask, email: str) -> None:
        asked()
        with pytest.raises(Invalid) as caught:
            addressed(email)
        assert [error.field for error in caught.value.errors] == ["email"]
        assert read().email is None

    def test_nobody_can_be_flooded_by_it(self, app: Flask) -> None:
        for index in range(4):
            asked(name=f"{index}")
        for index in range(3):
            addressed("victim@visitor.example", name=f"{index}")
        with pytest.raises(TooMany):
            addressed("VICTIM@visitor.example", name="3")
        addressed("another@visitor.example", name="3")

    def test_of_what_is_over_it_is_not_taken(self, app: Flask) -> None:
        asked()
        ended()
        with pytest.raises(conversation.Over):
            addressed()

    def test_a_conversation_that_is_none_has_no_address(self, app: Flask) -> None:
        with pytest.raises(NotFound):
            addressed(name="unknown")
