"""What is left of mails when the account is erased that they are about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from tests.accounts.test_erasure import everything
from tests.browserless import Browser
from tests.conftest import Api
from tests.intake.people import last_mail, mail, outcome, results, tickets
from tests.tickets.steps import answered, customer

OWNER = "Secret <owner@secret.example>"


@pytest.fixture(autouse=True)
def accounts(app: Flask, api: Api) -> None:
    customer(api, registered_email="owner@secret.example", name="Secret Ltd")


def left(api: Api) -> int:
    assert "secret" in everything()
    assert api.delete("/v1/accounts/C-1").status_code == 204
    return everything().count("secret")


def test_of_those_in_its_tickets_nothing(api: Api) -> None:
    proof = results("secret.example")
    assert outcome(api, mail("secret", OWNER, "Secret", proof, id="<secret@x>")) == "ticket"
    assert outcome(api, mail("secret", OWNER, "Secret", proof, id="<secret@x>"), rcpt="other@provider.example") == "repeated"
    assert left(api) == 0


def test_of_those_that_wait_for_it_nothing(api: Api) -> None:
    assert outcome(api, mail("secret", OWNER, "Secret")) == "held"
    assert left(api) == 0


def test_of_one_that_waits_for_another_too_everything(app: Flask, api: Api) -> None:
    customer(api, "C-2", registered_email="owner@secret.example")
    assert outcome(api, mail("secret", OWNER, "Secret")) == "held"
    assert left(api) > 0
    assert Browser(app).as_customer("C-2").get(f"/tickets/mail/{last_mail().id}").status_code == 200


def test_of_what_its_owner_asked_without_an_account_before_nothing(api: Api, work: Callable[[], None]) -> None:
    api.delete("/v1/accounts/C-1")
    assert outcome(api, mail("secret", OWNER, "Secret")) == "ticket"
    answered(tickets()[0], "secret")
    customer(api, registered_email="owner@secret.example", name="Secret Ltd")
    assert left(api) == 0
    assert [(ticket.status, ticket.contact_name) for ticket in tickets()] == [("closed", None)]
