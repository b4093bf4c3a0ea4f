"""What is said in a conversation: in one order, once, by whom, and how much."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from notifyhub.chat import conversation
from notifyhub.chat.states import BODY_CHARACTERS, MOST_A_MINUTE
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Invalid, NotFound, TooMany
from notifyhub.models import Chat
from notifyhub.signins import attempts
from tests.accounts.concurrency import at_once
from tests.chat.steps import account_id, answered, asked, ended, number, present, read, token, told
from tests.conftest import Api
from tests.tickets.steps import agent, customer


def how_many() -> int:
    db.session.remove()
    return db.session.execute(select(func.count()).select_from(Chat)).scalar_one()


def test_the_first_message_begins_it_and_the_others_are_added_by_number(app: Flask) -> None:
    present()
    assert [asked("Hello").number, asked("Is there a discount?").number, answered().number, asked("Thanks").number] == [1, 2, 3, 4]
    assert told() == ["visitor: Hello", "visitor: Is there a discount?", "staff: Yes, for a year.", "visitor: Thanks"]
    assert how_many() == 1


def test_the_same_id_again_is_answered_the_same(app: Flask) -> None:
    present()
    first, again = asked("Hello", id=number("a")), asked("Hello, changed", id=number("a"))
    assert (again.number, again.body, again.created_at) == (first.number, "Hello", first.created_at)
    one, two = answered("Yes", id=number("b")), answered("Yes, again", id=number("b"))
    assert (one.number, two.number, two.body) == (2, 2, "Yes")
    assert told() == ["visitor: Hello", "staff: Yes"]


def test_an_id_of_the_other_side_or_of_another_conversation_is_another_one(app: Flask) -> None:
    present()
    asked("Hello", id=number("a"))
    assert answered("Yes", id=number("a")).number == 2
    assert asked("Hello", name="two", id=number("a")).number == 1


def test_of_many_at_once_none_is_lost_and_each_has_its_own_number(app: Flask) -> None:
    present()
    done = at_once(app, *[lambda api, index=index: asked(f"{index}", id=number(index // 2)).number for index in range(8)])
    assert sorted(done) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert len(told()) == 4
    assert how_many() == 1


def test_text_is_kept_as_it_was_typed_but_for_what_nobody_sees(app: Flask) -> None:
    present()
    assert (
        asked("<script>alert(1)</script>\r\n\x1b[31m'\"{{ 7 * 7 }} ç\u202e🔧").body == "<script>alert(1)</script>\n[31m'\"{{ 7 * 7 }} ç🔧"
    )


@pytest.mark.parametrize("body", ["", " \n\t ", "\x00", "x" * (BODY_CHARACTERS + 1)], ids=["empty", "white", "unseen", "long"])
def test_nothing_and_too_much_is_refused_and_begins_nothing(app: Flask, body: str) -> None:
    with pytest.raises(Invalid) as caught:
        asked(body)
    assert [error.field for error in caught.value.errors] == ["body"]
    assert how_many() == 0


def test_the_longest_message_is_taken(app: Flask) -> None:
    assert asked("x" * BODY_CHARACTERS).number == 1


def test_messages_a_minute_are_limited_and_the_same_again_is_none(app: Flask) -> None:
    present()
    now = utcnow()
    for index in range(MOST_A_MINUTE):
        asked(str(index), id=number(index), now=now + timedelta(seconds=index))
    with pytest.raises(TooMany) as caught:
        asked("more", now=now + timedelta(seconds=30))
    assert caught.value.retry_after == 31
    assert asked("5", id=number(5), now=now + timedelta(seconds=30)).number == 6
    assert asked("later", now=now + timedelta(seconds=61)).number == MOST_A_MINUTE + 1


def test_conversations_from_one_place_are_limited_and_those_of_customers_by_account(app: Flask, api: Api) -> None:
    customer(api)
    most = attempts.CHATS_FROM_ONE_PLACE.most
    for index in range(most):
        asked(name=f"visitor {index}")
    with pytest.raises(TooMany):
        asked(name="one too many")
    asked(name="visitor 0")  # goes on
    asked(name="from elsewhere", place="192.0.2.2")
    asked(name="a customer", account_id=account_id())
    assert how_many() == most + 2


def test_who_answers_has_it_from_then_on(app: Flask) -> None:
    ada, bora = agent(), agent("bora@staff.example", name="Bora")
    asked()
    assert (read().status, read().staff_id) == ("waiting", None)
    answered(by=ada)
    assert (read().status, read().staff_id) == ("running", ada.id)
    answered(by=bora)
    assert read().staff_id == bora.id


def test_it_is_known_since_when_the_visitor_waits_and_when_they_were_answered_first(app: Flask) -> None:
    present()
    now = utcnow()
    seconds = [now + timedelta(seconds=index) for index in range(5)]
    asked(now=seconds[0])
    asked(now=seconds[1])
    assert (read().waiting_since, read().answered_at) == (seconds[0], None)
    answered(now=seconds[2])
    assert (read().waiting_since, read().answered_at) == (None, seconds[2])
    asked(now=seconds[3])
    answered(now=seconds[4])
    assert (read().waiting_since, read().answered_at) == (None, seconds[2])


@pytest.mark.parametrize("by", ["visitor", "staff"])
def test_what_is_over_takes_no_more(app: Flask, by: str) -> None:
    asked(id=number("a"))
    ended(by=by)
    ended(by=by)
    assert (read().status, read().due_at) == ("ended", None)
    assert told()[-2:] == ["(nobody)", "(ended)"]
    with pytest.raises(conversation.Over):
        asked()
    with pytest.raises(conversation.Over):
        answered()
    assert asked(id=number("a")).number == 1  # whoever did not hear that it was taken, still may


def test_another_token_opens_nothing(app: Flask) -> None:
    asked()
    with pytest.raises(NotFound), transaction() as session:
        conversation.find(session, token("guessed"))
    with pytest.raises(NotFound), transaction() as session:
        conversation.get(session, uuid.UUID(int=1))


def test_of_a_token_only_the_hash_is_kept(app: Flask) -> None:
    asked()
    assert token() not in repr({column.key: getattr(read(), column.key) for column in Chat.__table__.columns})
