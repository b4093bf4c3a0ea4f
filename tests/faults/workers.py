"""What happens to our own processes: killed, doubled, and with a clock that is wrong."""

from __future__ import annotations

import os
import time
from typing import Any

from benchmarks.product import Refused
from tests.faults.hub import CLOCK, Part, go_on, stop_for_a_while
from tests.faults.run import Run

CHUNKS = 6_000  # mails at least, where the fan-out must take several chunks, and long enough to be met at work
DEFERRED = 3  # one in so many recipients
MINUTES_OFF = 5
TRIES = 5  # to find all workers between two transactions


def worker_killed(run: Run) -> None:
    run.slow()
    run.publish()
    times, last = run.times(10, 2), None
    for share in run.shares(times):
        run.until_arrived(share)
        last = kill_who_sends(run, last)
    run.note("kill -9 of a worker in the middle of a mail", times)


def worker_stopped(run: Run) -> None:
    """As a new version is put in place: it ends what it has begun, so nothing may come twice."""
    run.slow(factor=3)  # which takes it a while
    run.publish()
    times = run.times(10, 2)
    for share in run.shares(times):
        run.until_arrived(share)
        worker = _who_sends(run)
        worker.stop()
        worker.start()
        run.hub.until_reporting(worker)
    run.note("SIGTERM of a worker in the middle of a mail", times)


def kill_who_sends(run: Run, rather_not: Part | None = None) -> Part:
    worker = _who_sends(run, rather_not)
    run.kill(worker)
    return worker


def _who_sends(run: Run, rather_not: Part | None = None) -> Part:
    run.while_there_is_news(run.hub.sending, "a worker that sends")
    sending = sorted(run.hub.sending(), key=lambda worker: worker is rather_not) or run.hub.workers
    return sending[0]


def fan_out_killed(run: Run) -> None:
    kill_half_way(run, run.publish())


def kill_half_way(run: Run, announcement: str) -> None:
    """Whoever writes the chunks, which get larger, and the others with it, between two of them."""
    whole = run.announcements[announcement]
    with run.hub.connection() as connection:
        run.hub.until(lambda: _told(run, connection, announcement) > whole / 8, 30, "the first chunks", step=0.001)
        run.kill(*run.hub.workers)
        told = _told(run, connection, announcement)
    run.note(f"kill -9 of the fan-out, at {told:,} of {whole:,} accounts", int(told < whole))


def _told(run: Run, connection: Any, announcement: str) -> int:
    rows = connection.execute(f"SELECT fanned_out FROM revision WHERE announcement_id = '{run.hub.as_stored(announcement)}'")
    return int((rows.fetchone() or (0,))[0])


def fan_out_twice(run: Run) -> None:
    """All workers begin the same fan-out at the same moment."""
    workers = run.hub.workers
    run.hub.introduce_workers()
    for left in reversed(range(TRIES)):
        stop_for_a_while(workers)
        try:
            id = run.publish()
            for _ in range(len(workers) + 1):
                run.hub.enqueue("fan_out", id, 1)
            break
        except Refused:  # one that stands still in the middle of a transaction keeps SQLite locked
            if not left:
                raise
        finally:
            go_on(workers)
        run.hub.rest(0.1)
    most, until = 0, time.monotonic() + 10
    while most < len(workers) and time.monotonic() < until:
        most = max(most, len(run.hub.at_work("fan_out")))
    run.note("the same fan-out at once", most, least=len(workers))


def clock_off(run: Run) -> None:
    """A worker whose clock is ahead, beside one whose clock is right; alone; and behind, alone. Some mails are put off, too."""
    wrong, *others = run.hub.workers
    right = wrong.environ
    run.hub.relay.behave(deferred=DEFERRED)
    try:
        for part, minutes in (("beside", MINUTES_OFF), ("ahead", MINUTES_OFF), ("behind", -MINUTES_OFF)):
            for other in others if part != "beside" else ():
                other.stop()
            with_environment(run, wrong, off(right, minutes))
            run.publish(part)
            run.until_arrived(len(run.announcements) / len(run.parts) * 0.96)
    finally:
        with_environment(run, wrong, right)
    run.note(f"a worker's clock {MINUTES_OFF} min off", len(run.announcements), least=len(run.parts))


def off(environ: dict[str, str], minutes: int) -> dict[str, str]:
    path = os.pathsep.join([str(CLOCK), *filter(None, [environ.get("PYTHONPATH")])])
    return environ | {"PYTHONPATH": path, "FAULTS_CLOCK_OFF": str(minutes * 60)}


def with_environment(run: Run, worker: Part, environ: dict[str, str]) -> None:
    if worker.environ == environ:
        return
    worker.stop()
    worker.environ = environ
    worker.start()
    run.hub.until_reporting(worker)
