"""The real product with its demo data, and a real Chromium to look at it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.processes import end_with_parent, free_port, stop
from notifyhub import ROOT
from tests.intake.written import MX

KEY = "browser-tests-key-0123456789"
NO_CHROMIUM = "no Chromium here, so the pages were not tested in a browser: apt install chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip


def chromium() -> str | None:
    """Where it is; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Hub:
    def __init__(self, port: int, log: Path) -> None:
        self.base, self.log = f"http://127.0.0.1:{port}", log

    def api(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        request = urllib.request.Request(
            self.base + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {KEY}", "Content-Type": content_type},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def mail(self, raw: bytes, rcpt: str = "support@provider.example", mail_from: str = "jane@else.example") -> Any:
        """What became of it."""
        query = urlencode({"rcpt": rcpt, "mail_from": mail_from, "wait": 1})
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "message/rfc822"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.base}/v1/intake/email?{query}", raw, headers), timeout=20) as answer:
            return json.load(answer)

    def announce(self, title: str, **changes: Any) -> str:
        """Publishes a news item to all, or what `changes` make of it; answers its id."""
        document = {"kind": "news", "audience": {"all": True}, "content": {"en": {"title": title, "body": "Text."}}} | changes
        id = self.api("POST", "/v1/announcements", document)["id"]
        self.api("POST", f"/v1/announcements/{id}/publish", {})
        return str(id)

    def report(self, event: dict[str, Any]) -> str:
        """Answers the id of the item that it makes."""
        return str(self.api("POST", "/v1/events", event, "application/cloudevents+json")["items"][0]["notification"])


@contextmanager
def running() -> Iterator[Hub]:
    with tempfile.TemporaryDirectory(prefix="nh-", ignore_cleanup_errors=True) as name, serving(Path(name), free_port()) as hub:
        yield hub


@contextmanager
def serving(folder: Path, port: int, **settings: str) -> Iterator[Hub]:
    """Several times with the same folder: stopped and started again."""
    log = folder / "log"
    environ = {variable: value for variable, value in os.environ.items() if not variable.startswith("NOTIFYHUB_")}
    own = {
        "PORT": str(port),
        "DATA_DIR": f"{folder}/data",
        "DEMO": "1",
        "NOTIFYHUB_BOOTSTRAP_API_KEY": KEY,
        "WEB_CONCURRENCY": "1",
        "NOTIFYHUB_BRAND_SUPPORT_ADDRESS": "help@hosting.example",
        "NOTIFYHUB_TRUSTED_AUTHSERV_ID": MX,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "notifyhub", "dev"], cwd=ROOT, env=environ | own | settings, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=end_with_parent(SIGTERM),
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while "NotifyHub is ready" not in log.read_text(errors="replace"):
            assert process.poll() is None, log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
            time.sleep(0.1)
        yield Hub(port, log)
    finally:
        stop(process, SIGTERM, 15)


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield browser
        browser.close()


def sign_in(page: Page, hub: Hub, who: str) -> None:
    """By one click: "C-1042" … for customers, "Olivia Ops" or "Ada Admin" for staff."""
    page.goto(hub.base + ("/sign-in" if who.startswith("C-") else "/staff/sign-in"))
    page.get_by_role("button", name=who).click()
    page.wait_for_load_state()


def prefer(context: BrowserContext, hub: Hub, **choices: str) -> None:
    """language="tr", theme="dark": as the menus of a page set them."""
    context.add_cookies([{"name": f"nh_{name}", "value": value, "url": hub.base} for name, value in choices.items()])
