"""A ticket is opened: what is asked for, what is wrong with it, what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from notifyhub.database import db, utcnow
from notifyhub.errors import Invalid, TooMany
from notifyhub.models import Ticket
from notifyhub.tickets import opening
from tests.builders import account, service
from tests.conftest import Api
from tests.tickets.steps import PROMISE, customer, incident, opened, read, told, urgent, whole, wrong


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)
    customer(api, "C-2", services=[service(order_number="#777777", addresses=["198.51.100.0/24"])])


def refused(**changes: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as found:
        opened(**changes)
    return wrong(found.value)


def test_it_is_open_and_its_clock_runs() -> None:
    now = utcnow()
    ticket = opened(now=now)
    assert (ticket.status, ticket.first_response_at, ticket.assignee_id) == ("open", None, None)
    assert (ticket.promised_at, ticket.alert_at) == (now + timedelta(minutes=PROMISE), now + timedelta(minutes=7))


def test_its_first_message_is_the_description() -> None:
    (message,) = whole(opened(body="  It is\r\nslow.\n\n")).messages
    assert (message.author, message.body, message.internal, message.via) == ("customer", "  It is\nslow.", False, "page")


def test_numbers_grow_from_1001() -> None:
    assert [opened().number for _ in range(3)] == [1001, 1002, 1003]


def test_the_customer_is_told_that_it_was_received_and_until_when_it_is_answered() -> None:
    ticket = opened()
    (data,) = told()
    assert (data["ticket"], data["stage"], data["promised_at"]) == (str(ticket.number), "received", ticket.promised_at.isoformat())


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = refused(department="sales", priority="high", subject=" ", body="", incident={"diagnostics": "x"})
    assert set(found) == {"department", "subject", "body", "incident.order_number", "incident.service_name", "incident.started_at"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("department", "sales", "must be one of technical, financial"),
        ("priority", "urgent", "must be one of regular, high"),
        ("subject", "", "is empty"),
        ("subject", "a\r\nBcc: b@evil.example", "has a line break; this is one line"),
        ("subject", "s" * 201, "has 201 characters; 200 are allowed"),
        ("body", "\n\x00\n", "is empty"),
        ("body", "b" * 50_001, "has 50,001 characters; 50,000 are allowed"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(field: str, value: str, message: str) -> None:
    assert refused(**{field: value}) == {field: message}


def test_nothing_is_left_of_what_was_refused() -> None:
    refused(subject="")
    assert (db.session.query(Ticket).count(), told()) == (0, [])


def test_a_pasted_log_loses_what_nobody_sees() -> None:
    assert whole(opened(body="\x1b[31mred\x1b[0m \u202eturned\ud800")).messages[0].body == "[31mred[0m turned"


def test_no_more_than_sixty_an_hour_are_opened_for_one_account() -> None:
    begin = utcnow() - timedelta(minutes=50)
    for _ in range(opening.MOST_AN_HOUR):
        opened(now=begin)
    with pytest.raises(TooMany) as found:
        opened()
    assert 9 * 60 < found.value.retry_after <= 10 * 60 + 1
    assert opened("C-2").number


class TestIncident:
    def test_high_priority_needs_one(self) -> None:
        assert refused(priority="high") == {
            "incident.order_number": "give the server’s order number, such as #123456, or its IP address",
            "incident.service_name": "is needed at high priority",
            "incident.started_at": "is needed at high priority",
        }

    def test_regular_priority_needs_none(self) -> None:
        assert (opened().incident, opened(incident={"order_number": "", "address": None}).incident) == (None, None)

    def test_one_that_is_given_anyway_is_checked_too(self) -> None:
        assert set(refused(incident={"address": "nonsense"})) == {
            "incident.address", "incident.service_name", "incident.started_at",
        }  # fmt: skip

    @pytest.mark.parametrize("spelling", ["#123456", "123456", " #123456 "])
    def test_the_order_number_is_known_with_and_without_its_sign(self, spelling: str) -> None:
        found = opened(priority="high", incident=incident(order_number=spelling)).incident
        assert found
        assert (found["order_number"], found["address"]) == ("#123456", None)

    @pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8:1::dead"])
    def test_an_address_finds_the_service(self, address: str) -> None:
        found = opened(priority="high", incident=incident(order_number=None, address=address)).incident
        assert found
        assert (found["order_number"], found["address"]) == ("#123456", address)

    def test_what_was_said_is_kept(self) -> None:
        started_at = utcnow() - timedelta(minutes=3)
        ticket = opened(priority="high", incident=incident(address="203.0.113.7", started_at=started_at, diagnostics="ping:\n100 % loss"))
        assert read(ticket).incident == {
            "order_number": "#123456", "address": "203.0.113.7", "service_name": "shop", "started_at": started_at.isoformat(),
            "diagnostics": "ping:\n100 % loss",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("order_number", "#999999", "is not the order number of a service of this account"),
            ("order_number", "#777777", "is not the order number of a service of this account"),  # another account's
            ("order_number", "#1\x00", "has a control character (U+0000)"),
            ("order_number", "#" * 65, "has 65 characters; 64 are allowed"),
            ("address", "198.51.100.9", "is not an address of a service of this account"),  # another account's
            ("address", "203.0.113.8", "is not an address of a service of this account"),
            ("address", "2001:db8:1::/64", "is a whole network; give the address of the server"),
            ("address", "shop.example", "is not an IPv4 or IPv6 address or prefix, such as 203.0.113.7 or 2001:db8::/64"),
            ("service_name", "a\nb", "has a line break; this is one line"),
            ("diagnostics", "d" * 50_001, "has 50,001 characters; 50,000 are allowed"),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(self, field: str, value: str, message: str) -> None:
        assert refused(priority="high", incident=incident(**{field: value})) == {f"incident.{field}": message}

    @pytest.mark.parametrize(
        ("ago", "message"),
        [(timedelta(minutes=-6), "lies in the future"), (timedelta(days=366), "is more than a year ago")],
    )
    def test_it_began_within_the_last_year(self, ago: timedelta, message: str) -> None:
        assert refused(priority="high", incident=incident(started_at=utcnow() - ago)) == {"incident.started_at": message}

    def test_a_clock_that_is_a_little_fast_does_no_harm(self) -> None:
        assert opened(priority="high", incident=incident(started_at=utcnow() + timedelta(minutes=2)))

    def test_an_address_and_an_order_number_name_the_same_service(self, api: Api) -> None:
        services = [service(order_number="#1", addresses=["192.0.2.1"]), service(order_number="#2", addresses=["192.0.2.2"])]
        api.put("/v1/accounts/C-3", account(services=services))
        found = incident(order_number="#1", address="192.0.2.2")
        assert refused(external_id="C-3", priority="high", incident=found) == {"incident.address": "belongs to another service, #2"}

    def test_the_narrowest_prefix_is_whose_address_it_is(self, api: Api) -> None:
        services = [service(order_number="#1", addresses=["192.0.2.0/24"]), service(order_number="#2", addresses=["192.0.2.2"])]
        api.put("/v1/accounts/C-3", account(services=services))
        found = opened("C-3", priority="high", incident=incident(order_number=None, address="192.0.2.2")).incident
        assert found
        assert found["order_number"] == "#2"

    def test_what_the_account_no_longer_has_is_not_its_own(self, api: Api) -> None:
        customer(api, services=[service(order_number="#5", addresses=["203.0.113.8"])])
        assert refused(priority="high", incident=incident(address="203.0.113.7")) == {
            "incident.order_number": "is not the order number of a service of this account",
            "incident.address": "is not an address of a service of this account",
        }

    def test_a_suspended_service_is_still_one(self, api: Api) -> None:
        customer(api, services=[service(order_number="#123456", status="suspended")])
        assert urgent().number


def test_a_ticket_of_nobody_we_know_is_told_to_nobody() -> None:
    ticket = opened(external_id=None)
    assert (ticket.account_id, ticket.status, told()) == (None, "open", [])
