"""Send email in a real browser: set an address, confirm it from the mail, remove it, take that back. With scripts and without."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from notifyhub import access
from notifyhub.jobs import drain
from tests import browserless
from tests.browser.conftest import PATIENCE
from tests.builders import account
from tests.conftest import Api, Templates
from tests.smtp import Server


@pytest.fixture
def database_url(templates: Templates) -> str:
    return templates.copy("sqlite")


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def environ(environ: dict[str, str], port: int) -> dict[str, str]:
    return environ | {"NOTIFYHUB_BASE_URL": f"http://127.0.0.1:{port}"}


@pytest.fixture
def site(app: Flask, port: int) -> Iterator[str]:
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.shutdown()
    thread.join()


@pytest.fixture(params=[True, False], ids=["with-scripts", "without-scripts"])
def page(request: pytest.FixtureRequest, chromium: Browser, app: Flask, api: Api, site: str) -> Iterator[Page]:
    """Send email, signed in."""
    api.put("/v1/accounts/C-1", account(send_email={"invoices": [{"email": "books@one.example", "state": "verified"}]}))
    token = browserless.Browser(app).as_customer("C-1").cookie(access.CUSTOMER_COOKIE)
    context = chromium.new_context(java_script_enabled=request.param)
    context.add_cookies([{"name": access.CUSTOMER_COOKIE, "value": str(token), "url": site}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None)
    page.goto(f"{site}/settings/send-email")
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def mail_out(app: Flask) -> Callable[[], None]:
    """Sends what waits, beside Playwright's own event loop."""

    def send() -> None:
        with app.app_context():
            drain.run()

    def run() -> None:
        thread = threading.Thread(target=send)
        thread.start()
        thread.join()

    return run


def add(page: Page, addresses: str) -> None:
    block = page.locator("#invoices")
    if not block.get_by_label("E-mail address").is_visible():
        block.locator("summary").click()
    block.get_by_label("E-mail address").fill(addresses)
    block.get_by_label("E-mail address").press("Enter")


def test_an_address_is_set_and_confirmed_from_the_mail(page: Page, site: str, mail_out: Callable[[], None], smtp: Server) -> None:
    add(page, "cfo@one.example")
    expect(page.locator("#toasts")).to_contain_text("We mailed a link to cfo@one.example")
    row = page.locator("#invoices .address-row", has_text="cfo@one.example")
    expect(row).to_contain_text("waiting for confirmation since today")
    mail_out()
    (mail,) = smtp.to("cfo@one.example")
    path = re.search(r"/confirm/[\w.-]+", mail.text)
    assert path
    page.goto(site + path[0])
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.locator("h1")).to_have_text("Address confirmed")
    page.goto(f"{site}/settings/send-email")
    expect(row).to_contain_text("confirmed")
    expect(page.locator("#invoices .now-goes")).to_contain_text("Now goes to books@one.example and cfo@one.example")


def test_a_removed_address_comes_back(page: Page) -> None:
    page.get_by_role("button", name="Remove: books@one.example").click()
    expect(page.locator("#invoices .address-row")).to_have_count(0)
    expect(page.locator("#invoices .now-goes")).to_contain_text("owner@one.example (registered)")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#invoices .address-row")).to_contain_text("confirmed")


def test_what_was_typed_stands_beside_what_is_wrong_with_it(page: Page) -> None:
    add(page, "nonsense")
    field = page.locator("#invoices").get_by_label("E-mail address")
    expect(field).to_have_value("nonsense")
    expect(field).to_have_accessible_description(re.compile("nonsense: is not an e-mail address"))


@pytest.mark.parametrize("page", [True], indirect=True, ids=["with-scripts"])
def test_the_keyboard_stays_where_the_work_is(page: Page) -> None:
    add(page, "a@one.example")
    field = page.locator("#invoices").get_by_label("E-mail address")
    expect(page.locator("#invoices .address-row")).to_have_count(2)
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    page.get_by_role("button", name="Remove: a@one.example").press("Enter")
    expect(page.locator("#invoices .address-row")).to_have_count(1)
    expect(page.locator("#invoices summary")).to_be_focused()
    page.get_by_role("button", name="Send a test: books@one.example").press("Enter")
    expect(page.locator("#toasts")).to_contain_text("A test mail is on its way")
    expect(page.get_by_role("button", name="Send a test: books@one.example")).to_be_focused()
