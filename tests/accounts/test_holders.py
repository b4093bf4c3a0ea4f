"""Who had this address then?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from notifyhub.accounts import holders
from notifyhub.accounts.holders import Holding, chosen
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import ServiceAddress
from notifyhub.networks import parse_network
from tests.builders import account, service
from tests.conftest import Api

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ids = iter(range(1, 10_000))


def held(network: str, since: int, until: int | None = None, terminated: bool = False) -> Holding:
    """Days before now."""
    id = next(ids)
    end = NOW - until * DAY if until is not None else None
    return Holding(id, id, f"#{id}", f"vps-{id}", terminated, parse_network(network), NOW - since * DAY, end)


def who(*holdings: Holding, days_ago: float | None = 0) -> int | None:
    """Which of them, by its place."""
    found = chosen(holdings, None if days_ago is None else NOW - days_ago * DAY, NOW)
    return holdings.index(found) if found else None


def test_the_most_specific_prefix_wins() -> None:
    assert who(held("203.0.113.0/24", 9), held("203.0.113.7", 9), held("203.0.113.0/28", 9)) == 1
    assert who(held("2001:db8::/32", 9), held("2001:db8:1::/48", 9), held("2001:db8:1::/64", 9)) == 2


def test_an_address_that_was_given_up_belongs_to_who_had_it_then() -> None:
    before, after = held("203.0.113.7", 90, 10), held("203.0.113.7", 5)
    assert who(before, after, days_ago=30) == 0
    assert who(before, after, days_ago=1) == 1
    assert who(before, after, days_ago=10) == 1  # at that moment it was given up


def test_a_prefix_of_then_wins_over_an_address_of_today() -> None:
    assert who(held("203.0.113.0/24", 90, 10), held("203.0.113.7", 5), days_ago=30) == 0


def test_where_nothing_is_known_of_then_it_is_who_has_it_now() -> None:
    assert who(held("203.0.113.7", 5), days_ago=30) == 0
    assert who(held("203.0.113.7", 90, 50), held("203.0.113.7", 5), days_ago=30) == 1
    assert who(held("203.0.113.7", 90, 10), held("203.0.113.7", 5), days_ago=None) == 1


def test_what_nobody_had_then_or_has_now_is_nobodys() -> None:
    assert who(held("203.0.113.7", 90, 10), days_ago=5) is None
    assert who(held("203.0.113.7", 90, 10), days_ago=None) is None
    assert who() is None


def test_a_time_to_come_is_now() -> None:
    assert who(held("203.0.113.7", 5), days_ago=-3) == 0


def test_of_two_with_the_same_prefix_it_is_the_one_that_is_still_rented_then_the_later_one() -> None:
    assert who(held("203.0.113.7", 90), held("203.0.113.7", 5, terminated=True)) == 0
    assert who(held("203.0.113.7", 90), held("203.0.113.7", 5)) == 1


# --- in the database


def put(api: Api, external_id: str, *addresses: str, **changes: Any) -> str:
    rented = service(addresses=list(addresses), **changes)
    assert api.put(f"/v1/accounts/{external_id}", account(services=[rented])).status_code in (200, 201)
    return str(rented["order_number"])


def holder(address: str, then: datetime | None = None) -> str | None:
    found = holders.holding(db.session(), parse_network(address), then, utcnow())
    db.session.remove()
    return found.order_number if found else None


def test_it_is_found_among_others_whatever_the_family(api: Api) -> None:
    wide = put(api, "C-1", "203.0.113.0/24", "2001:db8::/32")
    narrow = put(api, "C-2", "203.0.113.7", "2001:db8:7::/48", "198.51.100.0/31")
    every = put(api, "C-3", "::/0")
    for address, expected in {
        "203.0.113.7": narrow,
        "203.0.113.8": wide,
        "203.0.113.0": wide,
        "203.0.113.255": wide,
        "203.0.114.0": None,
        "::ffff:203.0.113.7": narrow,
        "198.51.100.1": narrow,
        "198.51.100.2": None,
        "2001:db8:7:ffff::1": narrow,
        "2001:db8:8::1": wide,
        "2001:db9::1": every,
        "203.0.113.0/28": wide,
        "203.0.113.0/24": wide,
        "203.0.0.0/16": None,
    }.items():
        assert holder(address) == expected, address


def test_a_service_that_ended_keeps_what_it_had(app: Flask, api: Api) -> None:
    first = put(api, "C-1", "203.0.113.7")
    began = utcnow() - 30 * DAY
    with transaction() as session:
        session.execute(update(ServiceAddress).values(valid_from=began))
    then = utcnow() - DAY
    api.put("/v1/accounts/C-1", account(services=[]))
    second = put(api, "C-2", "203.0.113.7")
    assert holder("203.0.113.7", then) == first
    assert holder("203.0.113.7") == second
    assert holder("203.0.113.7", began - DAY) == second


@pytest.mark.parametrize("status", ["suspended", "terminated"])
def test_a_service_that_is_not_active_is_found_too(api: Api, status: str) -> None:
    order = put(api, "C-1", "203.0.113.7", status=status)
    assert holder("203.0.113.7") == order


def test_an_erased_account_has_no_addresses_any_more(api: Api) -> None:
    put(api, "C-1", "203.0.113.7")
    api.delete("/v1/accounts/C-1")
    assert holder("203.0.113.7") is None
