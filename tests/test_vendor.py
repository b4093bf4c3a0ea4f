"""What others made is what it says it is, with its licence beside it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
VENDOR = ROOT / "static" / "vendor"
ROW = re.compile(r"^\| `([^`]+)` \|.*\[([^\]]+)\]\(.*\| `([0-9a-f]{64})` \|$", re.M)
ICON = re.compile(r"""(?:icon\(|icon=|nav_link\([^)]*?, )["']([a-z0-9-]+)["']""")


def table() -> list[tuple[str, str, str]]:
    """(file, licence, checksum)"""
    return ROW.findall((VENDOR / "README.md").read_text())


def test_every_vendored_file_is_listed() -> None:
    files = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.suffix in (".js", ".css", ".woff2", ".svg")}
    assert {*files, "../icons.svg"} == {file for file, _, _ in table()}


def test_it_is_what_it_was_and_its_licence_is_kept() -> None:
    for file, licence, checksum in table():
        assert hashlib.sha256((VENDOR / file).read_bytes()).hexdigest() == checksum, file
        assert (VENDOR / licence).stat().st_size > 100


def test_every_icon_that_pages_name_exists() -> None:
    there = set(re.findall(r'id="i-([a-z0-9-]+)"', (ROOT / "static" / "icons.svg").read_text()))
    named = {name for path in (ROOT / "templates").rglob("*.html") for name in ICON.findall(path.read_text())}
    named |= set(re.findall(r'"(?:good|warn|bad|info|quiet)", "([a-z0-9-]+)"', (ROOT / "notifyhub" / "labels.py").read_text()))
    assert len(named) > 20
    assert named <= there
