"""Needs a Chromium (Debian and Ubuntu: apt install chromium); without one, all of it is skipped and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import hub as hubs
from tests.browser.hub import Hub

HERE = Path(__file__).parent
PATIENCE = 20_000  # milliseconds: machines that run tests are busy
expect.set_options(timeout=PATIENCE)
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if hubs.chromium() is None:
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=hubs.NO_CHROMIUM))


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    with hubs.running() as hub:
        yield hub


@pytest.fixture(scope="package")  # no longer: while it lives, an event loop runs in this thread
def chromium() -> Iterator[Browser]:
    with hubs.browsing() as browser:
        yield browser


@pytest.fixture
def new_context(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Contexts whose pages may make no errors, nor break the rules of what may run on them."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def make(**options: Any) -> BrowserContext:
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, **options)
        context.set_default_timeout(PATIENCE)
        context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()
    # what an answer of 4xx or a line cut by a test says is no error of the page
    assert [text for text in complaints if "Failed to load resource" not in text and "ERR_" not in text] == []


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> BrowserContext:
    return new_context()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def signed_in_as(hub: Hub, page: Page) -> Callable[[str], Page]:
    def sign_in(who: str) -> Page:
        hubs.sign_in(page, hub, who)
        return page

    return sign_in


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """What is wrong with a page for those who cannot see it, or use it with a keyboard."""
    checker = Axe()

    def check(page: Page) -> list[str]:
        found = checker.run(page, options={"runOnly": {"type": "tag", "values": STANDARDS}}).response["violations"]
        return [f"{rule['id']}: {node['html'][:200]} ({node['failureSummary'][:300]})" for rule in found for node in rule["nodes"]]

    return check
