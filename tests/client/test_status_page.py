"""The status page: what everyone sees, and what a customer sees besides."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from notifyhub.database import db, transaction, utcnow
from notifyhub.jobs import fan_out
from notifyhub.models import Announcement
from tests.announcements.steps import drafted, published
from tests.browserless import Browser
from tests.builders import account, service
from tests.conftest import Api


@pytest.fixture(autouse=True)
def one_account(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(services=[service(order_number="#1", name="vps-1.one.example")], locale="tr"))


def announce(api: Api, title: str, hours: tuple[float | None, float | None] = (1, 2), status: str = "published", **changes: Any) -> str:
    """`hours`: of its window, from now."""
    starts_at, ends_at = (utcnow() + timedelta(hours=given) if given is not None else None for given in hours)
    content = {"en": {"title": title, "body": "Text."}}
    window = {name: at.isoformat() for name, at in (("starts_at", starts_at), ("ends_at", ends_at)) if at}
    id = published(api, **{"content": content, "kind": "outage", "starts_at": None, "ends_at": None, **window, **changes})
    fan_out.run(id, 1)
    with transaction() as session:
        session.get_one(Announcement, uuid.UUID(id)).status = status
    db.session.remove()
    return id


def parts(page: str) -> dict[str, str]:
    """The page's sections by their id."""
    return {section.partition('"')[0]: section for section in page.split('<section aria-labelledby="status-')[1:]}


def test_where_nothing_is_wrong_it_says_so(app: Flask) -> None:
    assert "All services are running as they should." in Browser(app).get("/status").text


@pytest.mark.parametrize(
    ("hours", "status", "kind", "part"),
    [
        ((-1, 2), "published", "maintenance", "now"),
        ((-1, None), "published", "outage", "now"),
        ((None, None), "in_progress", "outage", "now"),
        ((1, 2), "published", "maintenance", "planned"),
        ((-3, -2), "published", "maintenance", "past"),
        ((-3, None), "completed", "outage", "past"),
        ((24, 48), "cancelled", "maintenance", "past"),
        ((None, None), "published", "news", "recent"),
    ],
)
def test_each_stands_in_its_part(app: Flask, api: Api, hours: Any, status: str, kind: str, part: str) -> None:
    announce(api, "Core switches", hours, status, kind=kind)
    found = parts(Browser(app).get("/status").text)
    assert [name for name, section in found.items() if "Core switches" in section] == [part]


def test_what_is_over_for_longer_than_a_month_is_gone(app: Flask, api: Api) -> None:
    id = announce(api, "Core switches", (-900, -800), kind="maintenance")
    with transaction() as session:
        session.get_one(Announcement, uuid.UUID(id)).updated_at = utcnow() - timedelta(hours=800)
    assert "Core switches" not in Browser(app).get("/status").text


def test_what_was_announced_long_ago_is_still_planned(app: Flask, api: Api) -> None:
    id = announce(api, "Core switches", (900, 901), kind="maintenance")
    with transaction() as session:
        row = session.get_one(Announcement, uuid.UUID(id))
        row.updated_at = row.published_at = utcnow() - timedelta(days=60)
    assert "Core switches" in parts(Browser(app).get("/status").text)["planned"]


@pytest.mark.parametrize(
    ("audience", "public"),
    [
        ({"all": True}, True),
        ({"locations": ["fra1"]}, True),
        ({"nodes": ["fra1-n1"], "products": ["vps"], "except": {"locations": ["ams2"]}}, True),
        ({"accounts": ["C-1"]}, False),
        ({"locations": ["fra1"], "services": ["#1"]}, False),
        ({"all": True, "networks": ["203.0.113.0/24"]}, False),
        ({"all": True, "except": {"accounts": ["C-2"]}}, False),
        ({"all": True, "except": {"networks": ["203.0.113.0/24"]}}, False),
    ],
)
def test_everyone_sees_what_names_places_and_products_alone(app: Flask, api: Api, audience: dict[str, Any], public: bool) -> None:
    announce(api, "Core switches", audience=audience)
    assert ("Core switches" in Browser(app).get("/status").text) == public
    assert "Core switches" in Browser(app).as_customer("C-1").get("/status").text


def test_a_draft_is_seen_by_nobody(app: Flask, api: Api) -> None:
    drafted(api)
    assert "Network maintenance" not in Browser(app).as_customer("C-1").get("/status").text


def test_a_customer_sees_which_of_its_services_are_concerned(app: Flask, api: Api) -> None:
    announce(api, "Mine")
    api.put("/v1/accounts/C-2", account(services=[service(location="ams2")]))
    announce(api, "Theirs", audience={"locations": ["ams2"]})
    page = Browser(app).as_customer("C-1").get("/status").text
    assert (page.count("vps-1.one.example"), page.count('href="/inbox/'), "Theirs" in page) == (1, 1, True)
    assert "vps-1.one.example" not in Browser(app).get("/status").text


def test_an_account_sees_nothing_that_was_for_another_alone(app: Flask, api: Api) -> None:
    api.put("/v1/accounts/C-2", account())
    announce(api, "Theirs", audience={"accounts": ["C-2"]})
    assert "Theirs" not in Browser(app).as_customer("C-1").get("/status").text


def test_titles_are_in_the_readers_language_and_name_no_one(app: Flask, api: Api) -> None:
    content = {
        name: {"title": f"{title} {{{{ account_name }}}}", "body": "x"} for name, title in (("en", "Switches"), ("tr", "Anahtarlar"))
    }
    announce(api, "", content=content)
    assert "Anahtarlar One Ltd" in Browser(app).as_customer("C-1").get("/status").text
    page = Browser(app).get("/status", headers={"Accept-Language": "de"}).text
    assert ("Switches …" in page, "One Ltd" in page) == (True, False)
