"""How a category's list of addresses changes, and who hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.addresses import Plan, State, Wanted, plan
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

PATH = "/v1/accounts/C-1"
NEW, CONFIRMED = Wanted(1, False), Wanted(2, True)


@pytest.mark.parametrize(
    ("held", "wanted", "states"),
    [
        ({}, [NEW], {1: "pending"}),
        ({}, [CONFIRMED, NEW], {2: "verified", 1: "pending"}),
        ({1: "pending"}, [NEW], {1: "pending"}),
        ({1: "pending"}, [Wanted(1, True)], {1: "verified"}),
        ({1: "verified"}, [NEW], {1: "verified"}),
        ({5: "verified"}, [NEW], {1: "pending", 5: "replaced"}),
        ({5: "verified", 6: "verified"}, [NEW], {1: "pending", 5: "replaced", 6: "replaced"}),
        ({5: "verified", 6: "verified"}, [NEW, Wanted(6, False)], {1: "pending", 6: "verified"}),
        ({5: "verified"}, [CONFIRMED], {2: "verified"}),
        ({5: "verified"}, [], {}),
        ({5: "replaced", 1: "pending"}, [NEW], {1: "pending", 5: "replaced"}),
        ({5: "replaced", 1: "pending"}, [], {}),
        ({5: "replaced", 1: "pending"}, [Wanted(5, False)], {5: "verified"}),
        ({5: "replaced", 3: "pending"}, [NEW], {1: "pending", 5: "replaced"}),
        ({3: "pending"}, [NEW], {1: "pending"}),
    ],
)
def test_a_list_becomes_what_is_wanted_and_what_has_to_serve_on(
    held: dict[int, State], wanted: list[Wanted], states: dict[int, State]
) -> None:
    assert plan(held, wanted).states == states


held_lists = st.dictionaries(st.integers(1, 5), st.sampled_from(["pending", "verified", "replaced"]), max_size=4)
wanted_lists = st.dictionaries(st.integers(1, 5), st.booleans(), max_size=4).map(lambda items: [Wanted(*item) for item in items.items()])


def changes(steps: Plan) -> tuple[list[int], ...]:
    return steps.added, steps.removed, steps.replaced, steps.lifted


@given(held_lists, wanted_lists)
def test_the_same_wanted_again_changes_nothing(held: dict[int, State], wanted: list[Wanted]) -> None:
    once = plan(held, wanted)
    again = plan(once.states, wanted)
    assert (again.states, changes(again)) == (once.states, ([], [], [], []))


@given(held_lists, wanted_lists)
def test_a_category_that_had_a_confirmed_address_keeps_one_unless_it_is_emptied(held: dict[int, State], wanted: list[Wanted]) -> None:
    if wanted and set(held.values()) - {"pending"}:
        assert set(plan(held, wanted).states.values()) - {"pending"}


@given(held_lists, wanted_lists)
def test_wanting_an_address_never_lowers_it(held: dict[int, State], wanted: list[Wanted]) -> None:
    states = plan(held, wanted).states
    assert all(states[id] == "verified" for id, _ in wanted if held.get(id) in ("verified", "replaced"))


# --- security notices


def put(api: Api, **send_email: Any) -> Any:
    answer = api.put(f"{PATH}/send-email", send_email)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.fixture
def owner(api: Api) -> Api:
    """An account with an address for abuse that is confirmed, and one that is not."""
    listed = [{"email": "old@one.example", "state": "verified"}, {"email": "waiting@one.example", "state": "pending"}]
    api.put(PATH, account(send_email={"abuse": listed}))
    return api


def noticed(smtp: Server) -> list[str]:
    return sorted(mail.to for mail in smtp.mails if "confirm" not in mail.text)


@pytest.mark.parametrize(
    ("abuse", "told"),
    [
        (["old@one.example", "waiting@one.example"], []),
        (["old@one.example", "waiting@one.example", "new@one.example"], ["owner@one.example"]),
        (["new@one.example"], ["old@one.example", "owner@one.example"]),
        (["owner@one.example"], ["old@one.example", "owner@one.example"]),
        ([], ["old@one.example", "owner@one.example"]),
        (["old@one.example"], ["owner@one.example"]),
    ],
    ids=["nothing", "added", "replaced", "removed", "emptied", "a pending one removed"],
)
def test_a_change_is_told_to_the_registered_address_and_to_those_that_lose(
    owner: Api, work: Any, smtp: Server, abuse: list[str], told: list[str]
) -> None:
    put(owner, abuse=abuse)
    work()
    assert noticed(smtp) == told


def test_the_notice_says_what_changed_and_holds_no_link_that_grants_anything(owner: Api, work: Any, smtp: Server) -> None:
    put(owner, abuse=["new@one.example"])
    work()
    (notice,) = smtp.to("old@one.example")
    assert {address for address in ("old@one.example", "new@one.example", "waiting@one.example") if address in notice.text} == {
        "old@one.example", "new@one.example", "waiting@one.example",
    }  # fmt: skip
    assert "/confirm/" not in notice.text + notice.html


def test_the_notice_is_in_the_inbox(owner: Api) -> None:
    put(owner, abuse=[])
    (item,) = owner.get(f"{PATH}/inbox").json["items"]
    assert (item["kind"], item["source"]["type"]) == ("addresses_changed", "address-change")


def test_one_request_gives_one_notice(owner: Api, work: Any, smtp: Server) -> None:
    put(owner, abuse=[], support=["owner@one.example"], invoices=["owner@one.example"])
    work()
    assert noticed(smtp) == ["old@one.example", "owner@one.example"]


def test_what_the_provider_changes_is_told_too(owner: Api, work: Any, smtp: Server) -> None:
    owner.put(PATH, account(send_email={"abuse": [{"email": "new@one.example", "state": "verified"}]}))
    work()
    assert noticed(smtp) == ["old@one.example", "owner@one.example"]
