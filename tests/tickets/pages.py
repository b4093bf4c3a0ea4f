"""What tests of the pages of tickets do again and again, in the client area and at the desk of staff."""

from __future__ import annotations

import io
import re
import uuid
from html import unescape
from typing import Any

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from notifyhub.database import db
from notifyhub.models import Ticket
from tests.browserless import Browser
from tests.staff.announcements import text_of

NEW = "/tickets/new"


def upload(*files: tuple[str, bytes]) -> list[tuple[io.BytesIO, str]]:
    """As the test client takes them."""
    return [(io.BytesIO(content), name) for name, content in files]


def filled(**changes: Any) -> dict[str, Any]:
    """The form of a new ticket as a browser sends it: what is hidden is sent along."""
    return {
        "once": str(uuid.uuid4()),
        "department": "technical",
        "priority": "regular",
        "subject": "The shop is slow",
        "body": "Since this morning.",
        "service": "",
        "server": "",
        "service_name": "",
        "started_at": "",
        "time_zone": "Europe/Istanbul",
        "diagnostics": "",
    } | changes


def sent(browser: Browser, **changes: Any) -> TestResponse:
    return browser.post(NEW, page=NEW, **filled(**changes))


def number_of(answer: TestResponse) -> int:
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/tickets/(\d+)(#.*)?", answer.headers["Location"])
    assert found, answer.headers["Location"]
    return int(found[1])


def how_many() -> int:
    db.session.remove()
    return db.session.execute(select(func.count()).select_from(Ticket)).scalar_one()


def in_sight(answer: TestResponse) -> str:
    """What can be read on the page without scripts: the clocks show one of their faces."""
    return text_of(re.sub(r"<span[^>]* hidden>.*?</span></span>", "", answer.text.partition("<main")[2]))


def file_links(page: str) -> dict[str, str]:
    """Downloads by the name that is shown."""
    return {unescape(name): unescape(href) for href, name in re.findall(r'<a class="file" href="([^"]+)"[^>]*>.*?<bdi>(.*?)</bdi>', page)}
