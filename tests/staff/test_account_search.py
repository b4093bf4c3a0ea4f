"""One box takes an id, an address, an order number or a name, and says what it took it for."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from flask import Flask

from notifyhub.accounts import search
from notifyhub.database import db, transaction
from notifyhub.models import Account
from notifyhub.words import folded
from tests.browserless import Browser
from tests.builders import account, service
from tests.conftest import Api


@pytest.fixture
def browser(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1042", account(
        name="Gülşen İlker Ökten", registered_email="owner@one.example",
        services=[service(order_number="#123456", addresses=["203.0.113.7", "2001:db8:12::/64"])],
        send_email={"abuse": [{"email": "Abuse@bücher.example", "state": "verified"}]},
    ))  # fmt: skip
    api.put("/v1/accounts/C-10", account(name="Smith & 100% Söhne_GmbH", registered_email="post@zwei.example", services=[]))
    api.put("/v1/accounts/X-7", account(
        name="ليلى حداد", registered_email="layla@drei.example", services=[service(order_number="987", addresses=["203.0.113.64/29"])]
    ))  # fmt: skip
    return Browser(app).as_staff("agent")


def found(browser: Browser, q: str, more: str = "") -> list[str]:
    answer = browser.get(f"/staff/accounts?q={quote(q)}{more}")
    assert answer.status_code == 200, answer.text
    return [unescape(id) for id in re.findall(r'<a class="strong" href="/staff/accounts/([^"]+)"', answer.text)]


@pytest.mark.parametrize(
    ("q", "ids"),
    [
        ("", ["X-7", "C-10", "C-1042"]),
        ("C-1042", ["C-1042"]),
        ("c-1042", ["C-1042"]),
        ("  C-1042 ", ["C-1042"]),
        ("C-10", ["C-10", "C-1042"]),
        ("C-", ["C-10", "C-1042"]),
        ("owner@one.example", ["C-1042"]),
        ("OWNER@ONE.example", ["C-1042"]),
        ("abuse@xn--bcher-kva.example", ["C-1042"]),
        ("abuse@BÜCHER.example", ["C-1042"]),
        ("<owner@one.example>", ["C-1042"]),
        ("@one.example", ["C-1042"]),
        ("@bücher.example", ["C-1042"]),
        ("@example", []),
        ("owner@", ["C-1042"]),
        ("nobody@one.example", []),
        ("203.0.113.7", ["C-1042"]),
        ("203.0.113.66", ["X-7"]),
        ("203.0.113.0/24", ["X-7", "C-1042"]),
        ("203.0.113.9/24", ["X-7", "C-1042"]),
        ("2001:0DB8:0012:0000::1", ["C-1042"]),
        ("[2001:db8:12::99]", ["C-1042"]),
        ("2001:db8::/32", ["C-1042"]),
        ("198.51.100.1", []),
        ("#123456", ["C-1042"]),
        ("123456", ["C-1042"]),
        ("#987", ["X-7"]),
        ("987", ["X-7"]),
        ("#98", []),
        ("gulsen", ["C-1042"]),
        ("ÖKTEN", ["C-1042"]),
        ("okten ilker", ["C-1042"]),
        ("ılker", ["C-1042"]),
        ("ليلى", ["X-7"]),
        ("sohne", ["C-10"]),
        ("%", ["C-10"]),
        ("100%", ["C-10"]),
        ("_", ["C-10"]),
        ("s_h", []),
        ("\\", []),
        ("\u0301", []),
        ("🚀", []),
    ],
)
def test_what_is_typed_finds_whom_it_means(browser: Browser, q: str, ids: list[str]) -> None:
    assert found(browser, q) == ids


@pytest.mark.parametrize(
    ("q", "says"),
    [
        ("C-10", "Accounts whose id begins with"),
        ("@one.example", "Accounts that use an address at"),
        ("203.0.113.9/24", "in or around <bdi class=\"strong\">203.0.113.0/24</bdi>"),
        ("2001:0DB8::1", "<bdi class=\"strong\">2001:db8::1</bdi>"),
        ("123456", "with the order number <bdi class=\"strong\">#123456</bdi>"),
        ("Söhne", "whose name contains"),
    ],
)  # fmt: skip
def test_the_page_says_what_it_took_it_for(browser: Browser, q: str, says: str) -> None:
    assert says in browser.get(f"/staff/accounts?q={quote(q)}").text


def test_what_looks_like_an_id_can_be_looked_for_as_a_name(app: Flask, api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/D-1", account(name="The C-10 Company"))
    assert found(browser, "C-10", "&as=name") == ["D-1"]


def test_an_address_leads_to_all_deliveries_to_it(browser: Browser) -> None:
    assert "/staff/deliveries?address=owner@one.example" in browser.get("/staff/accounts?q=Owner@one.example").text


def test_a_search_does_nothing_but_find(browser: Browser) -> None:
    page = browser.get("/staff/accounts?q=" + quote("<script>alert(1)</script>")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_name_that_changed_is_found_by_the_new_one(api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-10", account(name="Żółw Sp. z o.o."))
    assert found(browser, "zolw") == ["C-10"]
    assert found(browser, "smith") == []


def test_an_erased_account_is_not_found(api: Api, browser: Browser) -> None:
    api.delete("/v1/accounts/C-1042")
    for q in ("C-1042", "owner@one.example", "@one.example", "#123456", "gulsen", "203.0.113.7"):
        assert found(browser, q) == []


def test_an_ended_service_is_still_found_by_its_order_number(api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-1042", account(services=[]))
    assert found(browser, "#123456") == ["C-1042"]


def test_all_pages_together_show_every_account_once(app: Flask, api: Api, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifyhub.routes.staff.accounts.PAGE", 2)
    for number in range(5):
        api.put(f"/v1/accounts/P-{number}", account(name=f"Paged {number}", registered_email=f"p{number}@paged.example"))
    for q in ("", "paged", "P-", "@paged.example", "203.0.113.0/24"):
        seen: list[str] = []
        path = f"/staff/accounts?q={quote(q)}"
        while path:
            page = browser.get(path).text
            seen += re.findall(r'<a class="strong" href="/staff/accounts/([^"]+)"', page)
            older = re.search(r'rel="next" href="([^"]+)"', page)
            path = unescape(older[1]) if older else ""
        assert len(seen) == len(set(seen)) == {"": 8, "203.0.113.0/24": 2}.get(q, 5)


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "", "9" * 30, "²"])
def test_a_wrong_cursor_is_refused_with_a_page(browser: Browser, cursor: str) -> None:
    answer = browser.get(f"/staff/accounts?cursor={quote(cursor)}")
    assert answer.status_code == 422
    assert "Start again from its first page" in answer.text


@pytest.mark.parametrize("q", ["x" * 5000, "a\x00b", "\u202egnirts"])
def test_what_cannot_be_looked_for_says_why(browser: Browser, q: str) -> None:
    answer = browser.get(f"/staff/accounts?q={quote(q)}")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_a_very_large_network_is_looked_at_in_part_and_that_is_said(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_SERVICES", 1)
    page = browser.get("/staff/accounts?q=203.0.113.0/24").text
    assert "not all were looked at" in page


def test_folding_takes_away_case_accents_and_points() -> None:
    assert folded("Gülşen ÇAĞLAR, Straße, Bjørnø, Łódź, İIı, Đặng") == "gulsen caglar, strasse, bjorno, lodz, iii, dang"


def test_every_name_is_kept_in_its_folded_form_too(app: Flask, browser: Browser) -> None:
    with transaction():
        assert all(row.name_key == folded(row.name) for row in db.session.query(Account))
