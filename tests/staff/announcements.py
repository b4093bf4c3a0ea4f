"""What tests of the announcement pages do again and again."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from werkzeug.test import TestResponse

from tests.browserless import Browser

NEW = "/staff/announcements/new"


def filled(**changes: Any) -> dict[str, Any]:
    """The composer's fields, as a browser sends them."""
    return {
        "kind": "maintenance",
        "impact": "outage",
        "starts_at": "2027-03-28T03:30",
        "ends_at": "2027-03-28T07:00",
        "time_zone": "Europe/Istanbul",
        "locale": ["en"],
        "title.en": "Network maintenance",
        "body.en": "We replace **core switches**.",
        "take.locations": "fra1",
    } | {name.replace("__", "."): value for name, value in changes.items()}


def saved(browser: Browser, **changes: Any) -> str:
    """The id of the draft."""
    answer = browser.post(NEW, page=NEW, **filled(**changes))
    assert answer.status_code == 303, shown(answer)
    found = re.fullmatch(r"/staff/announcements/([0-9a-f-]{36})/edit", answer.headers["Location"])
    assert found
    return found[1]


def wrong(answer: TestResponse) -> dict[str, str]:
    """What the form says beside its fields, by the ids of the messages."""
    assert answer.status_code == 422
    found = re.findall(r'<p class="wrong" id="([^"]+)-wrong\d*">(.*?)</p>', answer.text, re.DOTALL)
    return {id: text_of(message) for id, message in found}


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def shown(answer: TestResponse) -> str:
    """What can be read on the page."""
    return text_of(answer.text.partition("<main")[2] or answer.text)


def value(answer: TestResponse, name: str) -> str:
    """Of a field."""
    page = answer.text
    if found := re.search(rf'<textarea[^>]* name="{re.escape(name)}"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL):
        return unescape(found[1])
    for field in re.findall(r"<input[^>]*>", page):
        if f'name="{name}"' in field and (found := re.search(r' value="([^"]*)"', field)):
            return unescape(found[1])
    raise AssertionError(f"no field {name}")
