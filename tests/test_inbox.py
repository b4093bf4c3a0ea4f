"""The inbox of an account, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from notifyhub import dispatch
from notifyhub.database import new_id, reading, transaction, utcnow
from notifyhub.jobs import fan_out
from notifyhub.models import Account, Notification
from tests.announcements.steps import published
from tests.builders import account, service
from tests.conftest import Api

INBOX = "/v1/accounts/C-1/inbox"


@pytest.fixture(autouse=True)
def one_account(api: Api) -> None:
    api.put("/v1/accounts/C-1", account())


def add(count: int = 1, minutes: int = 0, **changes: Any) -> list[str]:
    """Items of the account's inbox, as old as that."""
    ids = []
    with transaction() as session:
        id = session.execute(select(Account.id).where(Account.external_id == "C-1")).scalar_one()
        for _ in range(count):
            row = {
                "id": new_id(), "source": "repair", "source_ref": str(new_id()), "revision": 1, "recipient_key": f"account:{id}",
                "account_id": id, "inbox_rule": 1, "kind": "repair", "category": "abuse", "lane": 2, "services": [], "data": {},
                "created_at": utcnow() - timedelta(minutes=minutes),
            } | changes  # fmt: skip
            session.add(Notification(**row))
            ids.append(str(row["id"]))
    return ids


def ids(api: Api, query: str = "") -> list[str]:
    answer = api.get(f"{INBOX}?{query}")
    assert answer.status_code == 200, answer.json
    return [item["id"] for item in answer.json["items"]]


def pages(api: Api, size: int) -> Iterator[str]:
    cursor = ""
    while cursor is not None:
        page = api.get(f"{INBOX}?limit={size}{cursor and f'&cursor={cursor}'}").json
        yield from [item["id"] for item in page["items"]]
        cursor = page["next"]


def test_the_newest_comes_first(api: Api) -> None:
    old, new, middle = (add(minutes=minutes)[0] for minutes in (9, 1, 5))
    assert ids(api) == [new, middle, old]


def test_pages_have_each_item_once_even_where_many_are_of_the_same_moment(api: Api) -> None:
    made = add(7, created_at=utcnow()) + add(3, minutes=5)
    assert sorted(pages(api, 3)) == sorted(made)


def test_what_comes_meanwhile_shifts_no_page(api: Api) -> None:
    made = add(4, created_at=utcnow() - timedelta(minutes=1))
    page = api.get(f"{INBOX}?limit=2").json
    add()
    rest = api.get(f"{INBOX}?limit=9&cursor={page['next']}").json["items"]
    assert sorted([item["id"] for item in page["items"]] + [item["id"] for item in rest]) == sorted(made)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "category=spam", "unread=maybe", "colour=red", "cursor=x", "q=%00"])
def test_a_query_that_makes_no_sense_is_refused_with_its_field(api: Api, query: str) -> None:
    answer = api.get(f"{INBOX}?{query}")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, query.partition("=")[0])


def test_one_category_can_be_asked_for(api: Api) -> None:
    (mine,) = add(category="support")
    add(category="invoices")
    assert ids(api, "category=support") == [mine]


def test_the_unread_can_be_asked_for(api: Api) -> None:
    read, unread = add(2)
    api.post(f"{INBOX}/{read}/read")
    assert ids(api, "unread=true") == [unread]


def test_reading_keeps_the_first_time(api: Api) -> None:
    (id,) = add()
    first = api.post(f"{INBOX}/{id}/read").json["read_at"]
    assert api.post(f"{INBOX}/{id}/read").json["read_at"] == first is not None


def test_what_was_read_can_be_made_unread(api: Api) -> None:
    (id,) = add()
    api.post(f"{INBOX}/{id}/read")
    assert api.post(f"{INBOX}/{id}/unread").json["read_at"] is None


def test_what_is_archived_is_out_of_sight_and_read(api: Api) -> None:
    (id,) = add()
    answer = api.post(f"{INBOX}/{id}/archive").json
    assert (ids(api), answer["read_at"] is not None, answer["archived_at"] is not None) == ([], True, True)


def test_all_can_be_read_at_once(api: Api) -> None:
    add(3)
    assert api.post(f"{INBOX}/read-all").json == {"read": 3}
    assert api.get(f"{INBOX}/unread-count").json == {"unread": 0}


def test_the_unread_are_counted_without_the_archived(api: Api) -> None:
    add(2)
    add(archived_at=utcnow())
    assert api.get(f"{INBOX}/unread-count").json == {"unread": 2}


def test_what_is_not_for_the_inbox_is_not_in_it(api: Api) -> None:
    add(inbox_rule=None)
    assert (ids(api), api.get(f"{INBOX}/unread-count").json) == ([], {"unread": 0})


@pytest.mark.parametrize("action", ["read", "unread", "archive"])
def test_the_items_of_another_account_are_not_there(api: Api, action: str) -> None:
    (id,) = add()
    api.put("/v1/accounts/C-2", account())
    assert api.post(f"/v1/accounts/C-2/inbox/{id}/{action}").status_code == 404
    assert api.get("/v1/accounts/C-2/inbox").json["items"] == []


def test_reading_all_of_one_account_leaves_the_others(api: Api) -> None:
    add()
    api.put("/v1/accounts/C-2", account())
    api.post("/v1/accounts/C-2/inbox/read-all")
    assert api.get(f"{INBOX}/unread-count").json == {"unread": 1}


@pytest.mark.parametrize("path", ["", "/unread-count", "/stream"])
def test_an_account_that_does_not_exist_has_no_inbox(api: Api, path: str) -> None:
    assert api.get(f"/v1/accounts/C-9/inbox{path}").status_code == 404


@pytest.mark.parametrize("id", ["1", "0198c0de-0000-7000-8000-000000000000"])
def test_an_item_that_does_not_exist_is_not_found(api: Api, id: str) -> None:
    assert api.post(f"{INBOX}/{id}/read").status_code == 404


class TestSearch:
    @pytest.fixture
    def told(self, api: Api) -> Callable[..., None]:
        def run(title: str = "Network maintenance", body: str = "We replace switches.", **services: str) -> None:
            api.put("/v1/accounts/C-1", account(services=[service(**services)]))
            fan_out.run(published(api, content={"en": {"title": title, "body": body}}), 1)

        return run

    def found(self, api: Api, q: str) -> int:
        answer = api.get(INBOX, query_string={"q": q})
        assert answer.status_code == 200, answer.json
        return len(answer.json["items"])

    @pytest.mark.parametrize("q", ["network", "SWITCHES", "vps-7.one", "#777", "work maint"])
    def test_words_of_announcements_and_services_are_found(self, api: Api, told: Any, q: str) -> None:
        told(order_number="#777", name="vps-7.one.example")
        assert self.found(api, q) == 1

    @pytest.mark.parametrize("q", ["router", "title", "body", '"', "en", "[[", "\\", "u0131"])
    def test_what_is_in_no_word_is_not_found(self, api: Api, told: Any, q: str) -> None:
        told("Bakım", "Switches", order_number="#777", name="vps-7.one.example".replace("en", "an"))
        assert self.found(api, q) == 0

    @pytest.mark.parametrize("q", ["Bakım", "维护", "şebeke"])
    def test_words_in_any_script_are_found(self, api: Api, told: Any, q: str) -> None:
        told("Bakım 维护", "şebeke")
        assert self.found(api, q) == 1

    @pytest.mark.parametrize(("q", "count"), [("100%", 1), ("0%s", 0), ("a_b", 1), ("a_c", 0), ("c:\\x", 1), ('"x"', 1)])
    def test_signs_stand_for_themselves(self, api: Api, told: Any, q: str, count: int) -> None:
        told("100% sure", 'a_b abc c:\\x "x"')
        assert self.found(api, q) == count

    def test_of_several_the_one_is_found(self, api: Api, told: Any) -> None:
        for title in ("Router", "Switch", "Firewall"):
            told(title, "Text.")
        assert self.found(api, "switch") == 1

    def test_it_finds_what_is_archived(self, api: Api, told: Any) -> None:
        told()
        api.post(f"{INBOX}/{ids(api)[0]}/archive")
        assert self.found(api, "switches") == 1

    def test_it_finds_no_announcement_that_was_for_others(self, api: Api, told: Any) -> None:
        told()
        api.put("/v1/accounts/C-2", account())
        assert api.get("/v1/accounts/C-2/inbox?q=switches").json["items"] == []


def test_an_item_says_what_it_is_and_where_it_went(api: Api, work: Callable[[], None]) -> None:
    id = published(api)
    work()
    (item,) = api.get(INBOX).json["items"]
    assert {name: item[name] for name in ("category", "kind", "lane", "source")} == {
        "category": "announcements",
        "kind": "maintenance",
        "lane": "bulk",
        "source": {"type": "announcement", "id": id, "revision": 1},
    }


def test_telling_the_same_again_adds_no_item(api: Api) -> None:
    from notifyhub.kinds import KINDS

    telling = dispatch.Telling(KINDS["maintenance"], "test", "1")
    with transaction() as session:
        id = session.execute(select(Account.id)).scalar_one()
        first, second = (dispatch.accept(session, telling, utcnow(), id) for _ in range(2))
    with reading() as session:
        assert (first, session.scalars(select(Notification.id)).all()) == (second, [first])
