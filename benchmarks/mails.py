"""How fast mails leave, from publication to the last one accepted: beside a mail queue of Django's, a loop over smtplib, and the bare wire.

All in one run, to the same sink, with PostgreSQL and everything else on this machine: the ratios are what counts.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import expected, fleet, postgres, product, rivals, sink
from benchmarks.figures import Report
from benchmarks.memory import Peaks
from benchmarks.processes import cores
from benchmarks.product import Product
from notifyhub import dkim

WORDS = "During the window we replace the core switches, one rack row after the other, and your services stay up. "
CONTENT = {"en": {"title": "New switches in our data centres", "body": f"Dear {{{{ account_name }}}},\n\n{WORDS * 3}\n\n{WORDS}"}}
WIRE, LOOP, QUEUE = 20_000, 4_000, 2_000  # mails of each rival
PROCESSES = (1, 2, 4)  # of post_office: the best counts
LATE_SHARE = 10  # so many times fewer accounts in the slowest run
LATE, LATE_CONNECTIONS = 0.02, 20
MOST_NAMED = 10_000  # accounts in one audience
QUIET = 30.0  # seconds without a mail, until those that are missing are given up


class Run(NamedTuple):
    mails: int
    first: float  # seconds after publication
    last: float
    size: float
    memory: float  # MB, of the largest worker

    @property
    def rate(self) -> float:
        return self.mails / self.last


def run(report: Report, accounts: int) -> None:
    with tempfile.TemporaryDirectory(prefix="notifyhub-benchmark-") as name, postgres.cluster(durable=True) as cluster:
        folder = Path(name)
        file, record = folder / "accounts.ndjson", folder / "accepted.tsv"
        fleet.write(file, accounts)
        with sink.running(record) as port:
            compared = _rivals(report, folder, cluster, port)
            url = postgres.database(cluster, "benchmark")
            with product.running(url, port) as hub:
                hub.upload("/v1/accounts/import", file, "application/x-ndjson")
                _compare(report, _published(report, hub, record, file, accounts), compared)
            with product.running(url, port, **_keys(folder)) as hub:
                _signed(report, _published(report, hub, record, file, accounts))
        with sink.running(record, "--delay", str(LATE)) as port:
            each = LATE_CONNECTIONS // 2  # `notifyhub dev` has two workers
            with product.running(url, port, NOTIFYHUB_SMTP_CONNECTIONS=str(each)) as hub:
                late = _published(report, hub, record, file, accounts, LATE_SHARE)
                report.add("mails, relay 20 ms late, 20 connections", late.rate, "mails/s", 800)


def _rivals(report: Report, folder: Path, cluster: str, port: int) -> dict[str, float]:
    mails = rivals.mails(CONTENT, WIRE)
    report.add("size of a mail of the rivals", sum(len(mail.content) for mail in mails) / len(mails), "octets")
    rates = {
        "the raw wire": rivals.raw_wire(port, mails),
        "a loop over smtplib": rivals.by_smtplib(port, mails[:LOOP]),
        "django-post_office": rivals.post_office(port, cluster, folder, mails[:QUEUE], PROCESSES),
    }
    for name, rate in rates.items():
        report.add(name, rate, "mails/s")
    return rates


def _compare(report: Report, ours: Run, rates: dict[str, float]) -> None:
    report.add("mails, publication to last", ours.rate, "mails/s", 10_000)
    report.add("size of a mail", ours.size, "octets")
    report.add("first mail of all accounts", ours.first, "s", 1.0, "less")
    report.add("peak memory of a worker", ours.memory, "MB", 150, "less")
    for name, times in (("django-post_office", 7), ("a loop over smtplib", 4), ("the raw wire", 0.2)):
        report.add(f"mails, beside {name}", ours.rate / rates[name], "times", times)


def _signed(report: Report, signed: Run) -> None:
    alone = rivals.rsa_signatures(cores())
    report.add("RSA-2048 signatures alone, all cores", alone, "signatures/s")
    report.add("mails signed by RSA-2048", signed.rate, "mails/s", 3_500)
    report.add("mails signed, beside signatures alone", signed.rate / alone, "times", 0.5)


def _keys(folder: Path) -> dict[str, str]:
    file = folder / "dkim.pem"
    file.write_bytes(dkim.new_key("rsa"))
    return {"NOTIFYHUB_DKIM_DOMAIN": "provider.example", "NOTIFYHUB_DKIM_SELECTOR": "s1", "NOTIFYHUB_DKIM_KEY_FILE": str(file)}


def _published(report: Report, hub: Product, record: Path, file: Path, accounts: int, share: int = 1) -> Run:
    """Publishes to all accounts, or to a share of them, and waits for the last mail."""
    some = [f"C-{number + 1:07d}" for number in range(min(accounts // share, MOST_NAMED))]
    audience: dict[str, Any] = {"all": True} if share == 1 else {"accounts": some}
    want = expected.announcement(file, all=share == 1, only=() if share == 1 else set(some)).recipients.total()
    recorded = record.stat().st_size
    id = hub.call("POST", "/v1/announcements", {"kind": "news", "content": CONTENT, "audience": audience})["id"]
    with Peaks(hub.process.pid) as peaks:
        started = time.time()
        hub.call("POST", f"/v1/announcements/{id}/publish", {})
        _wait(record, recorded, want)
    mails = sink.accepted(record, after=recorded)
    if len(mails) != want or len({mail.message_id for mail in mails}) != want:
        report.failures.append(f"mails: {len(mails):,} instead of {want:,}")
    times = [mail.at - started for mail in mails] or [float("inf")]
    size = sum(mail.size for mail in mails) / max(len(mails), 1)
    return Run(len(mails), min(times), max(times), size, peaks.megabytes.get("worker", 0))


def _wait(record: Path, after: int, count: int) -> None:
    seen, since = 0, time.monotonic()
    with record.open("rb") as file:
        file.seek(after)
        while seen < count and time.monotonic() - since < QUIET:
            new = file.read().count(b"\n")
            if new:
                seen, since = seen + new, time.monotonic()
            time.sleep(0.2)
