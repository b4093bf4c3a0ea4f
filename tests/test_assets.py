"""What a browser has to load is little, and is loaded once."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from flask import Flask

STATIC = Path(__file__).parent.parent / "static"
MOST_BYTES = 60_000  # of scripts and styles on any page, compressed
APART = "chat-widget"  # comes after everything else, to other sites too, and has a limit of its own


def test_all_scripts_and_styles_together_stay_small() -> None:
    files = [path for path in STATIC.rglob("*") if path.suffix in (".js", ".css") and path.stem != APART]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < MOST_BYTES


def test_what_changes_its_address_with_its_content_is_kept_for_a_year(app: Flask) -> None:
    page = app.test_client().get("/confirm/nothing").text
    (sheet,) = re.findall(r'href="(/static/css/tokens\.css\?v=[0-9a-f]+)"', page)
    assert "immutable" in app.test_client().get(sheet).headers["Cache-Control"]
    assert app.test_client().get("/static/css/tokens.css").headers["Cache-Control"] == "no-cache"


def test_nothing_on_a_page_runs_or_styles_in_line() -> None:
    for path in (STATIC.parent / "templates").rglob("*.html"):
        if path.parent.name == "mail":
            continue  # mails have no other way
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|hx-on", text), path
