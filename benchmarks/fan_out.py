"""The fan-out alone, in this process: how many accounts a second are routed and written, with nobody else at work."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from flask import Flask

from benchmarks import expected, fleet, postgres
from benchmarks.figures import Report
from benchmarks.main_road import CONTENT, ENDS_AT, STARTS_AT
from benchmarks.processes import end_with_parent, stop
from notifyhub import create_app, embedded, garbage, migrations
from notifyhub.accounts import importing
from notifyhub.ahead import ahead
from notifyhub.announcements import fan_out, life
from notifyhub.config import Settings
from notifyhub.database import db, transaction, utcnow

RUNS = 3


def run(report: Report, accounts: int) -> None:
    with tempfile.TemporaryDirectory(prefix="notifyhub-benchmark-") as name, postgres.cluster(durable=True) as url:
        file = Path(name) / "accounts.ndjson"
        fleet.write(file, accounts)
        want = len(expected.announcement(file, locations=[fleet.AUDIENCE_LOCATION]).accounts)
        with application(Path(name), postgres.database(url, "benchmark")) as app:
            with file.open("rb") as lines:
                importing.import_accounts(importing.lines_of(lines.read), "en")
            rates = [_accounts_a_second(report, app, want) for _ in range(RUNS)]
    report.add("fan-out alone", sorted(rates)[len(rates) // 2], "accounts/s", 70_000)


@contextmanager
def application(folder: Path, url: str, smtp_port: int | None = None) -> Iterator[Flask]:
    environ = {"DATA_DIR": str(folder), "NOTIFYHUB_DATABASE_URL": url, "NOTIFYHUB_SECRET_KEY": "benchmark-secret-0123456789abcdef"}
    if smtp_port is not None:
        environ |= {
            "NOTIFYHUB_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?tls=none",
            "NOTIFYHUB_MAIL_FROM": "Provider Support <support@provider.example>",
        }
    settings = Settings.from_environ(environ)
    valkey = subprocess.Popen(embedded.valkey_command(settings), stdout=subprocess.DEVNULL, preexec_fn=end_with_parent(signal.SIGTERM))
    app = create_app(settings)
    garbage.collect_less()
    migrations.upgrade(app)
    try:
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()
    finally:
        stop(valkey, signal.SIGTERM, 5)


def _accounts_a_second(report: Report, app: Flask, want: int) -> float:
    """As the job does it."""
    id, told, started = published(), 0, time.monotonic()
    with closing(ahead(fan_out.read_chunks(app, id, 1))) as chunks:
        for chunk in chunks:
            with transaction() as session:
                fan_out.write_chunk(session, id, 1, chunk, utcnow())
            told += len(chunk.loaded)
    seconds = time.monotonic() - started
    if told != want:
        report.failures.append(f"fan-out alone: {told:,} accounts instead of {want:,}")
    return told / seconds


def published() -> uuid.UUID:
    document = {
        "kind": "maintenance", "impact": "outage", "content": CONTENT, "audience": {"locations": [fleet.AUDIENCE_LOCATION]},
        "starts_at": datetime.fromisoformat(STARTS_AT), "ends_at": datetime.fromisoformat(ENDS_AT),
    }  # fmt: skip
    with transaction() as session:
        draft = life.draft(session, document, "en", utcnow())
        session.flush()
        life.publish(session, draft.id, utcnow())
    return draft.id
