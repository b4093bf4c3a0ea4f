"""How long conversations are kept, what is handed out of them, what is left of them, and the figure that is made of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from notifyhub import chat
from notifyhub.chat import keeping
from notifyhub.database import transaction
from notifyhub.errors import NotFound
from tests.accounts.test_erasure import everything
from tests.chat.steps import account_id, addressed, answered, asked, present, read, told
from tests.conftest import Api
from tests.tickets.steps import agent, customer

DAY = timedelta(days=1)


def test_the_first_answers_of_late_are_measured(now: datetime) -> None:
    asked(name="old", now=now - 40 * DAY)
    answered(name="old", now=now - 40 * DAY)
    for name, seconds in (("one", 10), ("two", 500)):
        asked(name=name, now=now)
        answered(name=name, now=now + timedelta(seconds=seconds))
        answered(name=name, now=now + timedelta(seconds=900))
    asked(name="unanswered", now=now)
    with transaction() as session:
        assert sorted(chat.first_answers(session, now - 30 * DAY)) == [timedelta(seconds=10), timedelta(seconds=500)]


def test_they_are_kept_for_a_time_only(now: datetime) -> None:
    asked(name="old", now=now - keeping.KEPT - DAY)
    asked(name="new", now=now - keeping.KEPT + DAY)
    with transaction() as session:
        chat.prune(session, now)
    assert told("new")
    with pytest.raises(NotFound):
        read("old")


def test_an_account_is_given_its_own(api: Api) -> None:
    customer(api, "C-1")
    customer(api, "C-2", registered_email="two@two.example")
    present(agent())
    asked("Mine", account_id=account_id("C-1"), page="https://www.provider.example/vps")
    asked("Another's", name="two", account_id=account_id("C-2"))
    answered("Yours")
    (exported,) = api.get("/v1/accounts/C-1/export").json["chats"]
    assert [(message["from"], message["body"]) for message in exported["messages"]] == [("visitor", "Mine"), ("staff", "Yours")]
    assert exported["page"] == "https://www.provider.example/vps"


def test_nothing_that_was_said_is_left_of_an_erased_account(api: Api) -> None:
    customer(api, "C-1", name="Secret Ltd", registered_email="owner@secret.example")
    asked("secret", account_id=account_id("C-1"), name="secret", page="https://secret.example/")
    answered("secret too", name="secret")
    assert "secret" in everything()
    assert api.delete("/v1/accounts/C-1").status_code == 204
    assert "secret" not in everything()
    with pytest.raises(NotFound):
        read("secret")  # its browser opens nothing any more


def test_nor_of_what_was_written_with_its_address_before_it_was_one(api: Api) -> None:
    customer(api, "C-1", name="Secret Ltd", registered_email="Owner@secret.example")
    asked("secret", name="stranger")
    addressed("OWNER@secret.example", name="stranger")
    asked("of another", name="other")
    addressed("guest@visitor.example", name="other")
    api.delete("/v1/accounts/C-1")
    left = everything().lower()
    assert ("secret" in left, "guest@visitor.example" in left) == (False, True)
