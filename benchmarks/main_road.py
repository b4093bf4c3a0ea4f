"""The main road at full length: import a fleet, announce a maintenance, and see it arrive at a real SMTP server.

What arrives is compared with `expected`, which knows the import file only.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import expected, fleet, postgres, product, sink
from benchmarks.expected import Expected
from benchmarks.figures import Report
from benchmarks.memory import Peaks
from benchmarks.product import Product

POLL = 0.05  # seconds: the times of inbox items are as exact as this,
POLL_SHARE = 0.1  # or as the answers' own time allows, so that looking does not slow down what is looked at
QUIET = 1.5  # so long after the last mail, none comes twice
PATIENCE = 30.0  # without any mail, until those that are missing are given up
SAMPLE = 200
QUARTER = 10  # of the location's 40 nodes: about a quarter of its accounts
STARTS_AT, ENDS_AT = "2031-03-30T00:30:00+00:00", "2031-03-30T04:00:00+00:00"
PARAGRAPH = "During the window we replace the core switches, one rack row after the other. "
ABSATZ_TR = "Çalışma sırasında omurga anahtarları sırayla değiştirilecektir. "
CONTENT = {
    "en": {"title": "Core network maintenance", "body": f"**What happens.** {PARAGRAPH * 4}\n\n- no action is needed\n- {PARAGRAPH}"},
    "tr": {"title": "Omurga ağı bakımı", "body": f"**Ne olacak?** {ABSATZ_TR * 4}\n\n- bir şey yapmanız gerekmez\n- {ABSATZ_TR}"},
}


@dataclass
class Delivery:
    """What was seen of one announcement; times are seconds since its publication was asked for."""

    first_item: float
    last_item: float
    first_mail: float
    last_mail: float
    mails: int
    size: float  # octets of a mail, on average
    memory: dict[str, float]

    @property
    def mails_a_second(self) -> float:
        return self.mails / max(self.last_mail - self.first_mail, 1e-6)


def run(report: Report, accounts: int, database: str) -> None:
    with tempfile.TemporaryDirectory(prefix="notifyhub-benchmark-") as name:
        file, record = Path(name) / "accounts.ndjson", Path(name) / "accepted.tsv"
        fleet.write(file, accounts)
        with sink.running(record) as smtp_port, _database(database) as url, product.running(url, smtp_port) as hub:
            _import(report, hub, file, accounts)
            small = expected.announcement(file, nodes=_quarter())
            large = expected.announcement(file, locations=[fleet.AUDIENCE_LOCATION])
            before = _deliver(report, hub, record, {"nodes": _quarter()}, small)
            after = _deliver(report, hub, record, {"locations": [fleet.AUDIENCE_LOCATION]}, large)
            _figures(report, before, after, small, large)


@contextmanager
def _database(kind: str) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
        return
    with postgres.cluster(durable=True) as url:
        yield postgres.database(url, "benchmark")


def _quarter() -> list[str]:
    return [f"{fleet.AUDIENCE_LOCATION}-n{number:02d}" for number in range(QUARTER)]


def _import(report: Report, hub: Product, file: Path, accounts: int) -> None:
    with Peaks(hub.process.pid) as peaks:
        for name, aim, key in (("import", 10_000, "created"), ("import again, nothing changed", None, "unchanged")):
            start = time.monotonic()
            answer = hub.upload("/v1/accounts/import", file, "application/x-ndjson")
            report.add(name, accounts / (time.monotonic() - start), "accounts/s", aim)
            if answer[key] != accounts:
                report.failures.append(f"{name}: {answer[key]:,} of {accounts:,} {key}; the answer was {str(answer)[:500]}")
    report.add("peak memory of web while importing", peaks.megabytes.get("web", 0), "MB")


def _deliver(report: Report, hub: Product, record: Path, audience: dict[str, Any], want: Expected) -> Delivery:
    recorded = record.stat().st_size
    announcement = hub.call("POST", "/v1/announcements", {
        "kind": "maintenance", "impact": "outage", "starts_at": STARTS_AT, "ends_at": ENDS_AT, "content": CONTENT, "audience": audience,
    })["id"]  # fmt: skip
    with Peaks(hub.process.pid) as peaks:
        published = time.time()
        hub.call("POST", f"/v1/announcements/{announcement}/publish", {})
        first_item, last_item = _watch_fan_out(hub, announcement, want)
        _wait_for_mails(record, recorded, want.recipients.total())
    mails = sink.accepted(record, after=recorded)
    compare(report, mails, want)
    _look_into_inboxes(report, hub, announcement, want)
    times = [mail.at - published for mail in mails] or [float("inf")]
    return Delivery(
        first_item - published, last_item - published, min(times), max(times), len(mails),
        sum(mail.size for mail in mails) / max(len(mails), 1), peaks.megabytes,
    )  # fmt: skip


def _watch_fan_out(hub: Product, announcement: str, want: Expected) -> tuple[float, float]:
    """When the first and the last account had its item. Infinite where that did not happen."""
    never = float("inf")
    first, deadline = never, time.monotonic() + 60 + len(want.accounts) / 500
    while time.monotonic() < deadline:
        asked = time.time()
        fanned_out = hub.call("GET", f"/v1/announcements/{announcement}/progress")["fanned_out"]
        now = time.time()
        if fanned_out and first == never:
            first = now
        if fanned_out >= len(want.accounts):
            return first, now
        time.sleep(max(POLL, (now - asked) / POLL_SHARE))
    return first, never


def _wait_for_mails(record: Path, after: int, count: int) -> None:
    """Until so many are recorded, or none has come for a while; and then a little longer, for those that nobody expects."""
    seen, since = 0, time.monotonic()
    with record.open("rb") as file:
        file.seek(after)
        while time.monotonic() - since < (QUIET if seen >= count else PATIENCE):
            new = file.read().count(b"\n")
            if new:
                seen, since = seen + new, time.monotonic()
            time.sleep(POLL)


def compare(report: Report, mails: list[sink.Accepted], want: Expected) -> None:
    got = Counter(expected.recorded(mail.recipient) for mail in mails)
    missing, surplus = want.recipients - got, got - want.recipients
    if missing or surplus:
        examples = [*list(missing)[:3], *list(surplus)[:3]]
        report.failures.append(f"mails: {missing.total():,} missing, {surplus.total():,} too many, such as {', '.join(examples)}")
    if len({mail.message_id for mail in mails}) != len(mails):
        report.failures.append("mails: some carry the same Message-ID")


def _look_into_inboxes(report: Report, hub: Product, announcement: str, want: Expected) -> None:
    step = max(1, len(want.accounts) // SAMPLE)
    wrong = [account for account in want.accounts[::step] if _items(hub, account, announcement) != 1]
    if wrong:
        report.failures.append(
            f"inboxes: {len(wrong)} of {len(want.accounts[::step])} do not have the item exactly once, such as {wrong[0]}"
        )
    concerned = set(want.accounts)
    others = [f"C-{number:07d}" for number in range(1, SAMPLE) if f"C-{number:07d}" not in concerned]
    wrong = [account for account in others[: SAMPLE // 4] if _items(hub, account, announcement)]
    if wrong:
        report.failures.append(f"inboxes: {len(wrong)} accounts were told of what does not concern them, such as {wrong[0]}")


def _items(hub: Product, account: str, announcement: str) -> int:
    items = hub.call("GET", f"/v1/accounts/{account}/inbox")["items"]
    return sum(item["source"]["id"] == announcement for item in items)


def _figures(report: Report, small: Delivery, large: Delivery, few: Expected, many: Expected) -> None:
    report.add("accounts concerned", len(many.accounts), "accounts")
    report.add("first inbox item", large.first_item, "s")
    report.add("last inbox item", large.last_item, "s")
    report.add("fan-out, while mails leave", len(many.accounts) / large.last_item, "accounts/s", 50_000)
    report.add("first mail", large.first_mail, "s", 1.0, "less")
    report.add("first mail, a quarter of the audience", small.first_mail, "s", 1.0, "less")
    report.add("last mail", large.last_mail, "s")
    report.add("mails", large.mails_a_second, "mails/s", 1_000)
    report.add("size of a mail", large.size, "octets")
    for name in ("web", "worker"):
        before, after = small.memory.get(name, 0.0), large.memory.get(name, 0.0)
        report.add(f"peak memory of {name}, {len(few.accounts):,} accounts concerned", before, "MB")
        report.add(f"peak memory of {name}, {len(many.accounts):,} accounts concerned", after, "MB")
        if before:
            report.add(f"growth of {name}", after / before, "times", 1.15, "less")
