"""Who is concerned, and through what: compared with a computation in Python that shares no code with it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notifyhub.announcements import audience, life
from notifyhub.database import db, reading
from notifyhub.models import Account
from tests.announcements.steps import imported, published, told
from tests.builders import account, service
from tests.conftest import Api

LOCATIONS, NODES, PRODUCTS = ("fra1", "ams2", "ist3"), ("n1", "n2", "n3", "n4"), ("vps", "dedicated", "hosting")
PREFIXES = (
    "203.0.113.0/24", "203.0.113.0/28", "203.0.113.7", "203.0.113.15", "203.0.113.16", "203.0.113.200/29", "198.51.100.0/25",
    "198.51.100.127", "198.51.100.128", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::5", "2001:db8:2::/64", "2001:db9::1",
)  # fmt: skip
WHOLE = ("0.0.0.0/0", "::/0", "::/1", "8000::/1")


def fleet(size: int) -> list[dict[str, Any]]:
    pick = random.Random(20)
    return [
        account(
            external_id=f"C-{number}",
            services=[
                service(
                    order_number=f"#{number}-{index}",
                    location=pick.choice(LOCATIONS),
                    node=pick.choice(NODES),
                    product=pick.choice(PRODUCTS),
                    addresses=pick.sample(PREFIXES, pick.choice((0, 1, 1, 2))),
                    status=pick.choice(("active", "active", "suspended", "terminated")),
                )
                for index in range(pick.choice((0, 1, 1, 2, 4)))
            ],
        )
        for number in range(size)
    ]


FLEET = fleet(40)
ORDERS = [item["order_number"] for document in FLEET for item in document["services"]]


def matches(item: dict[str, Any], wanted: dict[str, Any]) -> bool:
    def near(one: str, other: str) -> bool:
        mine, theirs = ip_network(one), ip_network(other)
        return mine.version == theirs.version and mine.overlaps(theirs)

    return (
        item["location"] in wanted.get("locations", ())
        or item["node"] in wanted.get("nodes", ())
        or item["product"] in wanted.get("products", ())
        or item["order_number"] in wanted.get("services", ())
        or any(near(address, network) for address in item["addresses"] for network in wanted.get("networks", ()))
    )


def expected(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Affected order numbers by account."""
    without = wanted.get("except", {})
    found = {}
    for document in FLEET:
        id = document["external_id"]
        as_account = wanted.get("all", False) or id in wanted.get("accounts", ())
        rented = [item for item in document["services"] if item["status"] != "terminated"]
        taken = [item for item in rented if as_account or matches(item, wanted)]
        left = [item["order_number"] for item in taken if not matches(item, without)]
        if id not in without.get("accounts", ()) and (left or (as_account and not rented)):
            found[id] = sorted(left)
    return found


def some(values: Any) -> Any:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


PARTS = {
    "locations": some(LOCATIONS),
    "nodes": some(NODES),
    "products": some(PRODUCTS),
    "services": some([*ORDERS, "#nobody-s"]),
    "accounts": some([*(document["external_id"] for document in FLEET), "C-nobody"]),
    "networks": some((*PREFIXES, *WHOLE)),
}
FILTERS = st.fixed_dictionaries({}, optional=PARTS)
AUDIENCES = st.fixed_dictionaries({}, optional={**PARTS, "all": st.just(True), "except": FILTERS})


def computed(wanted: dict[str, Any]) -> dict[str, list[str]]:
    with reading() as session:
        concerned = audience.Audience.of(session, wanted)
        ids = [id for chunk in audience.chunks(session, concerned, 7) for id in chunk]
        assert audience.count(session, concerned) == len(ids)
        assert audience.few(session, concerned, len(ids)) == ids
        assert not ids or audience.few(session, concerned, len(ids) - 1) is None
        names = dict(session.execute(select(Account.id, Account.external_id)).all())
        affected = audience.affected_services(session, concerned, ids)
        return {names[id]: sorted(number for number, _ in json.loads(affected.get(id, "[]"))) for id in ids}


@pytest.fixture
def with_fleet(api: Api) -> None:
    imported(api, FLEET)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=AUDIENCES)
def test_every_audience_is_what_its_words_say(with_fleet: None, wanted: dict[str, Any]) -> None:
    assert computed(wanted) == expected(wanted)


def test_everything_in_ipv6_does_not_concern_those_who_have_ipv4_only(api: Api) -> None:
    api.put("/v1/accounts/C-4", account(services=[service(addresses=["203.0.113.7"])]))
    api.put("/v1/accounts/C-6", account(services=[service(addresses=["2001:db8::1"])]))
    assert list(computed({"networks": ["::/0"]})) == ["C-6"]


def test_a_prefix_concerns_the_wider_prefix_that_it_lies_in(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(services=[service(addresses=["203.0.113.0/24"])]))
    assert list(computed({"networks": ["203.0.113.9"]})) == ["C-1"]


def test_an_address_that_a_service_had_once_concerns_it_no_more(api: Api) -> None:
    rented = service(addresses=["203.0.113.7"])
    api.put("/v1/accounts/C-1", account(services=[rented]))
    api.put("/v1/accounts/C-1", account(services=[rented | {"addresses": ["203.0.113.8"]}]))
    assert computed({"networks": ["203.0.113.7"]}) == {}


def test_an_audience_may_name_as_many_networks_as_are_allowed(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(services=[service(addresses=["203.0.113.7"])]))
    spread = [f"2001:db8:{number:x}:{number * 31 % 65536:x}::{number:x}" for number in range(life.MOST_NETWORKS - 1)]
    assert list(computed({"networks": ["203.0.113.7", *spread], "except": {"networks": spread}})) == ["C-1"]


@pytest.mark.parametrize(("status", "told_of"), [("active", ["C-1"]), ("suspended", ["C-1"]), ("terminated", [])])
def test_active_and_suspended_services_match(api: Api, status: str, told_of: list[str]) -> None:
    api.put("/v1/accounts/C-1", account(services=[service(status=status)]))
    assert list(computed({"locations": ["fra1"]})) == told_of


def test_a_service_that_is_no_longer_listed_does_not_match(api: Api) -> None:
    api.put("/v1/accounts/C-1", account())
    api.put("/v1/accounts/C-1", account(services=[]))
    assert computed({"locations": ["fra1"]}) == {}


def test_an_erased_account_is_in_no_audience(api: Api) -> None:
    api.put("/v1/accounts/C-1", account())
    assert api.delete("/v1/accounts/C-1").status_code == 204
    assert computed({"all": True}) == computed({"locations": ["fra1"]}) == {}


def test_who_comes_after_the_publication_is_not_told(api: Api, work: Callable[[], None]) -> None:
    api.put("/v1/accounts/C-1", account())
    published(api)
    api.put("/v1/accounts/C-2", account())
    work()
    assert told() == ["C-1"]


def plan(session: Session, query: Any, **tuned: str) -> list[str]:
    compiled = query.compile(db.engine, compile_kwargs={"render_postcompile": True})
    if db.engine.dialect.name == "postgresql":
        for name, value in tuned.items():
            session.execute(text(f"SET LOCAL {name} = {value}"))
        explained = session.connection().exec_driver_sql(f"EXPLAIN {compiled}", dict(compiled.params))
    else:
        values = tuple(compiled.params[name] for name in compiled.positiontup or ())
        explained = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)
    return [row[-1] for row in explained]


@pytest.mark.parametrize("network", ["203.0.113.0/24", "2001:db8::/32", "203.0.113.7"])
def test_everything_in_a_prefix_is_a_range_of_the_index(app: Flask, network: str) -> None:
    with reading() as session:
        # the table is empty, and would be read at once
        steps = plan(session, audience.overlapping(session, [network]), enable_seqscan="off")
    assert "ix_service_address_network" in "\n".join(steps)
    assert not [step for step in steps if "Seq Scan" in step or step.startswith("SCAN service_address")]


def test_the_services_of_an_account_are_looked_up_and_not_those_of_all(app: Flask) -> None:
    with reading() as session:
        concerned = audience.Audience.of(session, {"all": True, "except": {"locations": ["fra1"]}})
        # as where there are so many accounts that to hash all services once seems cheaper
        steps = plan(session, concerned.account_ids(), random_page_cost="1000")
    assert [step for step in steps if "account_id = account.id" in step or "account_id=?" in step]
    assert not [step for step in steps if "hashed" in step]


def test_everyone_is_found_without_a_look_at_services(app: Flask) -> None:
    with reading() as session:
        steps = plan(session, audience.Audience.of(session, {"all": True, "except": {"accounts": ["C-1"]}}).account_ids())
    assert not [step for step in steps if "service" in step]
