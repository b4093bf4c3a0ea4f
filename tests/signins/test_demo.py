"""One click signs in where the demo is: on the embedded parts, from this machine; nowhere else does it exist."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

from notifyhub import create_app, migrations
from notifyhub.cli import main
from notifyhub.config import Settings
from notifyhub.database import db
from tests.browserless import Browser

HERE = {"Host": "127.0.0.1:8000"}


@pytest.fixture
def demo(tmp_path: Path, valkey: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The embedded database, filled by `notifyhub demo`."""
    environ = {"DATA_DIR": str(tmp_path), "NOTIFYHUB_REDIS_URL": f"{valkey}?db=1", "DEMO": "1"}
    app = create_app(Settings.from_environ(environ))
    migrations.upgrade(app)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 0, result.output
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def here(demo: Flask) -> Browser:
    return Browser(demo, "127.0.0.1")


def click(browser: Browser, path: str, headers: dict[str, str] | None = None, **fields: str) -> Any:
    browser.get("/sign-in", headers=HERE)
    return browser.post(path, headers=headers or HERE, **fields)


def test_three_customers_are_offered_and_sign_in(here: Browser) -> None:
    page = here.get("/sign-in", headers=HERE).text
    assert all(name in page for name in ("C-1042", "C-1043", "C-1044", "/staff/sign-in"))
    assert click(here, "/sign-in/demo", account="C-1043").status_code == 303
    assert "C-1043" in here.get("/settings/sessions", headers=HERE).text


def test_three_members_of_staff_are_offered_and_sign_in(here: Browser) -> None:
    page = here.get("/staff/sign-in", headers=HERE).text
    assert all(name in page for name in ("Olivia Ops", "Aylin Agent", "Ada Admin"))
    assert click(here, "/staff/sign-in/demo", email="ada@staff.example").status_code == 303
    assert "Ada Admin" in here.get("/staff/sessions", headers=HERE).text


def test_nobody_else_is(here: Browser) -> None:
    assert click(here, "/sign-in/demo", account="C-1").status_code == 404
    assert click(here, "/staff/sign-in/demo", email="nobody@staff.example").status_code == 404


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        ("192.0.2.1", HERE),
        ("127.0.0.1", {"Host": "notify.provider.example"}),
        ("127.0.0.1", HERE | {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", HERE | {"Forwarded": "for=127.0.0.1"}),
    ],
)
def test_from_elsewhere_there_is_no_such_thing(demo: Flask, origin: str, headers: dict[str, str]) -> None:
    browser = Browser(demo, origin)
    assert "C-1042" not in browser.get("/sign-in", headers=headers).text
    assert "Olivia" not in browser.get("/staff/sign-in", headers=headers).text
    refused = 400 if "Host" in headers and headers["Host"] != HERE["Host"] else 404  # there the form's cookie is not sent either
    assert click(browser, "/sign-in/demo", headers, account="C-1042").status_code == refused
    assert click(browser, "/staff/sign-in/demo", headers, email="ada@staff.example").status_code == refused


def test_a_foreign_page_cannot_click(here: Browser) -> None:
    assert here.post("/sign-in/demo", headers=HERE, account="C-1042").status_code == 400


def test_without_the_demo_there_is_no_such_route(app: Flask) -> None:
    assert [rule.rule for rule in app.url_map.iter_rules() if rule.rule.endswith("/demo")] == []
    assert Browser(app, "127.0.0.1").post("/staff/sign-in/demo", page="/staff/sign-in", headers=HERE).status_code == 404
