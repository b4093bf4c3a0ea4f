"""What an account is given of its tickets, and what is left of them when it is erased."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from notifyhub.database import utcnow
from notifyhub.files import PNG as IMAGE
from notifyhub.files import Checked
from notifyhub.models import Ticket
from notifyhub.tickets import promise
from notifyhub.tickets.states import By
from tests.accounts.test_erasure import everything
from tests.conftest import Api
from tests.files import PNG
from tests.tickets.steps import agent, answered, asked, customer, document, incident, noted, opened, read, told
from tests.tickets.test_promise import look

PICTURE = Checked("secret.png", IMAGE, PNG)


@pytest.fixture
def ticket(api: Api) -> Ticket:
    """With secrets wherever there is room for one."""
    customer(api, "C-1", name="Secret Ltd", registered_email="owner@secret.example")
    customer(api, "C-2", registered_email="two@two.example")
    ada = By("staff", agent())
    found = incident(service_name="secret", diagnostics="secret")
    ticket = opened(priority="high", incident=found, subject="Secret", body="secret", files=[PICTURE])
    look(ticket.created_at + timedelta(minutes=7))
    answered(ticket, "secret", ada, files=[PICTURE])
    noted(ticket, "secret", ada, files=[PICTURE])
    asked(ticket, "secret")
    again = {"Idempotency-Key": "again"}
    made = api.post("/v1/tickets", document(account="C-1", subject="Secret", body="secret"), headers=again).json
    api.post(f"/v1/tickets/{made['number']}/messages", {"from": "customer", "body": "secret"}, headers={"Idempotency-Key": "message"})
    return ticket


def test_nothing_that_was_said_is_left_in_any_table(api: Api, ticket: Ticket) -> None:
    words = ["secret", PNG.hex()]
    assert all(word in everything() for word in words)
    assert api.delete("/v1/accounts/C-1").status_code == 204
    left = everything()
    assert {word: left.count(word) for word in words} == dict.fromkeys(words, 0)


def test_that_there_was_one_and_when_it_was_answered_stays(api: Api, ticket: Ticket) -> None:
    before = read(ticket)
    api.delete("/v1/accounts/C-1")
    after = read(ticket)
    assert (after.number, after.first_response_at, after.warned_at) == (before.number, before.first_response_at, before.warned_at)
    assert (after.status, after.alert_at, after.subject) == ("closed", None, "")
    assert api.get(f"/v1/tickets/{ticket.number}").json["account"] is None


def test_the_alerts_that_did_not_leave_yet_stay(api: Api, ticket: Ticket, work: Callable[[], None]) -> None:
    api.delete("/v1/accounts/C-1")
    assert told(promise.SOURCE) == [{}]
    work()
    states = {item["state"] for item in api.get("/v1/deliveries?address=ada@staff.example").json["items"]}
    assert states == {"cancelled"}


def test_other_accounts_keep_theirs(api: Api, ticket: Ticket) -> None:
    other = opened("C-2", body="mine", files=[Checked("mine.png", IMAGE, PNG)])
    api.delete("/v1/accounts/C-1")
    (message,) = api.get(f"/v1/tickets/{other.number}").json["messages"]
    assert (message["body"], [file["name"] for file in message["files"]]) == ("mine", ["mine.png"])


def test_the_export_has_all_of_it(api: Api, ticket: Ticket) -> None:
    first, second = api.get("/v1/accounts/C-1/export").json["tickets"]
    assert (first["number"], first["subject"], first["incident"]["diagnostics"], second["subject"]) == (
        ticket.number, "Secret", "secret", "Secret",
    )  # fmt: skip
    assert [(message["from"], message["internal"], message["body"], len(message["files"])) for message in first["messages"]] == [
        ("customer", False, "secret", 1),
        ("staff", False, "secret", 1),
        ("staff", True, "secret", 1),
        ("customer", False, "secret", 0),
    ]
    assert [(change["field"], change["after"]) for change in first["changes"]] == [("status", "waiting_for_customer"), ("status", "open")]
    assert api.get("/v1/accounts/C-2/export").json["tickets"] == []


def test_what_is_open_is_no_longer_waited_for(api: Api, ticket: Ticket) -> None:
    fresh = opened()
    api.delete("/v1/accounts/C-1")
    assert look(utcnow() + timedelta(hours=1)) == 0
    assert read(fresh).status == "closed"
