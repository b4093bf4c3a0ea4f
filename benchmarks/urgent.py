"""How long something urgent takes, from the request to the relay's 250: an outage of one account, with nothing else to do, and while
mails to everyone are leaving."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from benchmarks import fleet, postgres, product, sink
from benchmarks.figures import Report
from benchmarks.product import Product

FIRST, IDLE, BUSY = 10, 200, 100  # outages: what is compiled once is compiled in the first ones
IDLE_PAUSE, BUSY_PAUSE = 0.1, 0.05  # seconds between two
BULK = 2  # times that everyone is told something: the mails of one have left before 100 outages are over
PATIENCE = 120.0  # seconds, for the last of them
AT = "urgent.example"
NEWS = {"en": {"title": "News", "body": "We have news for you, and many others have it too. " * 20}}
OUTAGE = {"en": {"title": "Your server is down", "body": "We are at it, and tell you as soon as it runs again."}}


def run(report: Report, accounts: int) -> None:
    with tempfile.TemporaryDirectory(prefix="notifyhub-benchmark-") as name, postgres.cluster(durable=True) as cluster:
        file, record = Path(name) / "accounts.ndjson", Path(name) / "accepted.tsv"
        fleet.write(file, accounts)
        with sink.running(record) as port, product.running(postgres.database(cluster, "benchmark"), port) as hub:
            hub.upload("/v1/accounts/import", file, "application/x-ndjson")
            count = FIRST + IDLE + BUSY
            for number in range(count):
                hub.call("PUT", f"/v1/accounts/U-{number}", {"registered_email": f"{number}@{AT}", "name": "Urgent", "services": []})
            numbers = iter(range(count))
            _outages(hub, numbers, FIRST, IDLE_PAUSE)
            idle = _outages(hub, numbers, IDLE, IDLE_PAUSE)
            others = {"all": True, "except": {"accounts": [f"U-{number}" for number in range(count)]}}
            busy = {}
            for _ in range(BULK):
                bulk = hub.call("POST", "/v1/announcements", {"kind": "news", "content": NEWS, "audience": others})["id"]
                hub.call("POST", f"/v1/announcements/{bulk}/publish", {})
                time.sleep(1)
                busy |= _outages(hub, numbers, BUSY // BULK, BUSY_PAUSE)
                if not hub.call("GET", f"/v1/announcements/{bulk}/progress")["by_state"].get("queued"):
                    report.failures.append("urgent: all mails to everyone had left before the outages ended")
            arrived = _arrived(record, {*idle, *busy})
    _add(report, "idle", idle, arrived, 20, 60)
    _add(report, "while mails to everyone leave", busy, arrived, None, 300)


def _outages(hub: Product, numbers: Iterator[int], count: int, pause: float) -> dict[int, float]:
    """When each was asked for."""
    asked = {}
    for number, _ in zip(numbers, range(count), strict=False):
        id = hub.call("POST", "/v1/announcements", {"kind": "outage", "content": OUTAGE, "audience": {"accounts": [f"U-{number}"]}})["id"]
        asked[number] = time.time()
        hub.call("POST", f"/v1/announcements/{id}/publish", {})
        time.sleep(pause)
    return asked


def _arrived(record: Path, wanted: set[int]) -> dict[int, float]:
    """When the relay had taken each, by number."""
    deadline = time.monotonic() + PATIENCE
    while True:
        mails = (mail for mail in sink.accepted(record) if mail.recipient.endswith(f"@{AT}"))
        found = {int(mail.recipient.partition("@")[0]): mail.at for mail in mails}
        if wanted <= set(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def _add(report: Report, when: str, asked: dict[int, float], arrived: dict[int, float], p50: float | None, p99: float) -> None:
    missing = set(asked) - set(arrived)
    if missing:
        report.failures.append(f"urgent: {len(missing)} outages never reached the relay")
    took = [(arrived[number] - at) * 1000 for number, at in asked.items() if number in arrived]
    report.add(f"an urgent mail, {when}, median", median(took), "ms", p50, "less")
    report.add(f"an urgent mail, {when}, 99 of 100", quantiles(took, n=100)[98], "ms", p99, "less")
