"""Events over HTTP into a durable PostgreSQL: as web processes take them in, with nobody else at work."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks import fleet, postgres
from benchmarks.fan_out import application
from benchmarks.figures import Report
from benchmarks.processes import end_with_parent, free_port, stop
from notifyhub import access
from notifyhub.accounts import importing
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.models import Delivery, Event, Notification

ACCOUNTS = 5_000
SINGLES, BATCHES, BATCH = 4_000, 40, 1_000
WARM_UP = 200  # requests, until each process has compiled what it needs
CONNECTIONS = 8
SECRET = "benchmark-secret-0123456789abcdef"  # as application() has it
numbers = itertools.count(1)


def run(report: Report) -> None:
    with tempfile.TemporaryDirectory(prefix="notifyhub-benchmark-") as name, postgres.cluster(durable=True) as url:
        folder, database = Path(name), postgres.database(url, "benchmark")
        with application(folder, database):
            key = _prepare(folder)
            with _web(folder, database) as port:
                singles = [_request(port, key, "application/cloudevents+json", _event()) for _ in range(WARM_UP + SINGLES)]
                batches = [_request(port, key, "application/cloudevents-batch+json", _events()) for _ in range(2 + BATCHES)]
                _send(report, port, singles[:WARM_UP] + batches[:2])
                report.add("events, one a request", SINGLES / _send(report, port, singles[WARM_UP:]), "requests/s", 600)
                report.add("events, 1,000 a request", BATCH * BATCHES / _send(report, port, batches[2:]), "events/s", 5_000)
                _send(report, port, singles[:100] + batches[:1])  # told again, they change nothing
            _check(report, WARM_UP + SINGLES + BATCH * (2 + BATCHES))


def _prepare(folder: Path) -> str:
    """Accounts, and a key as other systems have one."""
    fleet.write(folder / "accounts.ndjson", ACCOUNTS)
    with (folder / "accounts.ndjson").open("rb") as lines:
        importing.import_accounts(importing.lines_of(lines.read), "en")
    with transaction() as session:
        return access.create_key(session, "benchmark", ["events"], utcnow())[1]


@contextmanager
def _web(folder: Path, database: str) -> Iterator[int]:
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFYHUB_")}
    own = {"PORT": str(port), "DATA_DIR": str(folder), "NOTIFYHUB_DATABASE_URL": database, "NOTIFYHUB_SECRET_KEY": SECRET}
    process = subprocess.Popen([sys.executable, "-m", "notifyhub", "web"], env=inherited | own, preexec_fn=end_with_parent(signal.SIGTERM))
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("notifyhub web did not start")
            time.sleep(0.1)
        yield port
    finally:
        stop(process, signal.SIGTERM, 10)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _event() -> dict[str, Any]:
    number = next(numbers)
    data = {
        "account": f"C-{number % ACCOUNTS + 1:07d}",
        "number": f"INV-{number}",
        "amount": "12.50",
        "currency": "EUR",
        "due_on": "2031-12-01",
    }
    return {"specversion": "1.0", "id": f"{number}", "source": "https://billing.provider.example", "type": "invoice.issued", "data": data}


def _events() -> list[dict[str, Any]]:
    return [_event() for _ in range(BATCH)]


def _request(port: int, key: str, content_type: str, content: Any) -> bytes:
    body = json.dumps(content).encode()
    head = f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _send(report: Report, port: int, requests: Sequence[bytes]) -> float:
    """All of them over a few connections that stay open; answers how many seconds that took."""
    left, wrong = iter(requests), list[bytes]()

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        for request in left:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 202") or b'"rejected"' in body:
                wrong.append(head + body[:300])
        writer.close()

    async def all() -> None:
        await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))

    start = time.monotonic()
    asyncio.run(all())
    if wrong:
        report.failures.append(f"events: {len(wrong):,} of {len(requests):,} requests were refused, such as {wrong[0]!r}")
    return time.monotonic() - start


def _check(report: Report, count: int) -> None:
    with reading() as session:
        for table in (Event, Notification, Delivery):
            found = session.scalar(select(func.count()).select_from(table)) or 0
            # an account may have several addresses, and so several deliveries
            if found < count or (found > count and table is not Delivery):
                report.failures.append(f"events: {found:,} rows in {table.__tablename__} instead of {count:,}")
    db.session.remove()
