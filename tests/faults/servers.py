"""What happens to Valkey and to PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.hub import kill
from tests.faults.run import Run


def valkey_flushed(run: Run) -> None:
    _again_and_again(run, flush, run.times(5, 2), "FLUSHALL")


def valkey_emptied(run: Run) -> None:
    _again_and_again(run, empty_valkey, run.times(3, 1), "kill -9 of Valkey, back without its data")


def database_restarted(run: Run) -> None:
    _again_and_again(run, restart_database, run.times(5, 2), "PostgreSQL restarted (fast)")


def _again_and_again(run: Run, strike: Callable[[Run], None], times: int, words: str) -> None:
    run.slow()
    run.publish()
    for share in run.shares(times):
        run.until_arrived(share)
        strike(run)
    run.note(words, times)


def flush(run: Run) -> None:
    run.hub.redis.flushall()


def empty_valkey(run: Run) -> None:
    """It keeps nothing on disk."""
    kill(run.hub.valkey)
    run.hub.until(run.hub.valkey_answers, 10, "Valkey to answer")


def restart_database(run: Run) -> None:
    assert run.hub.database is not None
    run.hub.database.restart(away=run.times(4, 1) / 2)  # this small, it would be back before most have noticed


def valkey_away(run: Run) -> None:
    run.slow()
    run.publish("before")
    run.until_arrived(0.1)
    seconds = without_valkey(run, lambda: run.publish("meanwhile"))
    run.note(f"Valkey away for {seconds} s, publishing goes on", 1)


def without_valkey(run: Run, meanwhile: Callable[[], object]) -> int:
    """How many seconds."""
    seconds = run.times(20, 2)
    run.hub.valkey.stop()
    meanwhile()
    run.hub.rest(seconds)
    run.hub.start_valkey()
    return seconds
