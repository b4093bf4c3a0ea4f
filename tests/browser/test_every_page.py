"""What holds for all pages: anyone can use them, in either theme, and nothing hangs over the edge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.hub import Hub, prefer, sign_in
from tests.browser.pages import Place, places


@pytest.fixture(scope="module")
def by_reader(hub: Hub) -> dict[str | None, list[Place]]:
    found = defaultdict(list)
    for place in places(hub):
        found[place.who].append(place)
    return found


READERS = [None, "C-1042", "Olivia Ops", "Aylin Agent", "Ada Admin"]


@pytest.mark.parametrize("who", READERS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(
    hub: Hub, context: BrowserContext, page: Page, axe: Callable[[Page], list[str]], by_reader: dict[str | None, list[Place]],
    who: str | None, theme: str,
) -> None:  # fmt: skip
    if who:
        sign_in(page, hub, who)
    prefer(context, hub, theme=theme)
    found = {}
    for place in by_reader[who]:
        answer = page.goto(hub.base + place.path)
        assert answer is not None
        assert answer.status == 200, place
        found[place.name] = axe(page)
    assert {name: complaints for name, complaints in found.items() if complaints} == {}


@pytest.mark.parametrize("who", READERS)
@pytest.mark.parametrize("language", ["tr", "ar-XB"])
def test_no_page_is_wider_than_the_screen(
    hub: Hub, context: BrowserContext, page: Page, by_reader: dict[str | None, list[Place]], who: str | None, language: str
) -> None:
    """From right to left too."""
    if who:
        sign_in(page, hub, who)
    prefer(context, hub, language=language)
    found = []
    for place in by_reader[who]:
        page.goto(hub.base + place.path)
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 0:
                found.append((place.name, width, over))
    assert found == []
