"""Whether history slows down what is sent: the drain alone, with an empty table and with many old deliveries in it."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import uvloop
from flask import Flask
from sqlalchemy import text

from benchmarks import fan_out as one_fan_out
from benchmarks import fleet, postgres, sink
from benchmarks.figures import Report
from notifyhub import drain
from notifyhub.accounts import importing
from notifyhub.ahead import ahead
from notifyhub.announcements import fan_out
from notifyhub.config import Settings
from notifyhub.database import db, transaction, utcnow

RUNS = 3
CHUNK = 250_000
# as they are after years: nearly all sent, some failed, some skipped; told over the last 400 days
OLD = """
WITH old AS (
    SELECT gen_random_uuid() AS id, gen_random_uuid() AS told, now() - random() * interval '400 days' AS at, random() AS dice
    FROM generate_series(1, :count)
), notifications AS (
    INSERT INTO notification (id, source, source_ref, revision, recipient_key, account_id, inbox_rule, kind, category, lane, services,
                              data, created_at)
    SELECT told, 'announcement', gen_random_uuid()::text, 1, 'account:' || (dice * 20000)::int, (dice * 20000)::int, 1, 'news',
           'announcements', 3, '[]', '{}', at
    FROM old
)
INSERT INTO delivery (id, notification_id, channel, mailbox_id, lane, state, rule, reason, queued_at, due_at, tries, attempts, sent_at)
SELECT id, told, 'email', 1 + (dice * 20000)::int, 3, CASE WHEN dice < 0.97 THEN 'sent' WHEN dice < 0.98 THEN 'failed' ELSE 'skipped' END,
       4, 'confirmed address of this category', at, at, 0, '[{"at": "2026-01-01T00:00:00+00:00", "reply": "250 2.0.0 accepted"}]', at
FROM old
"""  # fmt: skip


def run(report: Report, accounts: int, old: int) -> None:
    with tempfile.TemporaryDirectory(prefix="notifyhub-benchmark-") as name, postgres.cluster(durable=True) as url:
        file, record = Path(name) / "accounts.ndjson", Path(name) / "accepted.tsv"
        fleet.write(file, accounts)
        with sink.running(record) as port, one_fan_out.application(Path(name), postgres.database(url, "benchmark"), port) as app:
            with file.open("rb") as lines:
                importing.import_accounts(importing.lines_of(lines.read), "en")
            _mails_a_second(app, record)  # the first one warms up what stays warm
            _vacuum()
            before = median(_mails_a_second(app, record) for _ in range(RUNS))
            _grow_old(old)
            _vacuum()
            after = median(_mails_a_second(app, record) for _ in range(RUNS))
    report.add("the drain alone", before, "mails/s")
    report.add(f"the drain alone, {old:,} old deliveries", after, "mails/s")
    report.add("old deliveries, after beside before", after / before, "times", 0.9)


def _grow_old(count: int) -> None:
    for start in range(0, count, CHUNK):
        with transaction() as session:
            session.execute(text(OLD), {"count": min(CHUNK, count - start)})


def _vacuum() -> None:
    """As autovacuum does sooner or later; done before both, so that they differ in nothing else."""
    db.session.remove()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE delivery"))
        connection.execute(text("VACUUM ANALYZE notification"))


def _mails_a_second(app: Flask, record: Path) -> float:
    id, sent = one_fan_out.published(), record.stat().st_size
    with closing(ahead(fan_out.read_chunks(app, id, 1))) as chunks:
        for chunk in chunks:
            with transaction() as session:
                fan_out.write_chunk(session, id, 1, chunk, utcnow())
    settings: Settings = app.extensions["settings"]
    started = time.time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(drain.drain(settings, "email", lambda: False))
    mails = sink.accepted(record, after=sent)
    return len(mails) / (max(mail.at for mail in mails) - started)
