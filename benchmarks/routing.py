"""route() alone: how many decisions a second one core takes, by the kind of account."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from benchmarks.figures import Report
from notifyhub.routing import Address, Mailbox, Notification, Recipient, route

SECONDS = 0.5
BATCH = 1_000
NOW = datetime(2031, 1, 15, 12, tzinfo=UTC)
MAINTENANCE = Notification(kind="maintenance", category="announcements")
ABUSE = Notification(kind="abuse", category="abuse")
REGISTERED = Mailbox(1, "owner@customer.example")
OWN = Mailbox(2, "noc@customer.example", usable_since=NOW - timedelta(hours=1))
OTHER = Mailbox(3, "ops@customer.example")
BOUNCING = Mailbox(4, "gone@customer.example", status="bouncing")
RECIPIENT = Recipient(account_id=1, registered=REGISTERED)

CASES: dict[str, tuple[Notification, Recipient, Sequence[Address]]] = {
    "registered address only": (MAINTENANCE, RECIPIENT, []),
    "two own addresses": (MAINTENANCE, RECIPIENT, [Address("announcements", own, "verified") for own in (OWN, OTHER)]),
    "own address bounces": (MAINTENANCE, RECIPIENT, [Address("announcements", BOUNCING, "verified")]),
    "fresh abuse address": (ABUSE, RECIPIENT, [Address("abuse", OWN, "verified", usable_since=NOW - timedelta(hours=1))]),
}  # fmt: skip


def run(report: Report) -> None:
    for name, (notification, recipient, addresses) in CASES.items():
        report.add(f"route(), {name}", calls_a_second(partial(route, notification, recipient, addresses, NOW)), "calls/s")


def calls_a_second(call: Callable[[], object], seconds: float = SECONDS) -> float:
    """The best of the batches that fit into so many seconds: others on the machine only ever make it slower."""
    best, end = 0.0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(BATCH):
            call()
        best = max(best, BATCH / (time.perf_counter() - start))
    return best
