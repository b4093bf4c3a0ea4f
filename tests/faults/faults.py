"""Everything that goes wrong, a row each: one at a time, and at last all of it in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from tests.faults import mail, servers, workers
from tests.faults.mail import REFUSED
from tests.faults.run import Run
from tests.faults.workers import CHUNKS, DEFERRED, MINUTES_OFF


class Fault(NamedTuple):
    sentence: str
    strike: Callable[[Run], None]
    parts: Sequence[str] = ("a",)  # of the accounts, told by an announcement each
    refused: int = 0  # one in so many addresses does not exist
    least: int = 0  # mails, so that there is something to strike
    sqlite: bool = True


def all_together(run: Run) -> None:
    """The mail server goes wrong all the time, a worker's clock is off, and everything else comes at one moment after the other."""
    wrong, right = run.hub.workers[0], run.hub.workers[0].environ
    kills, times = run.times(10, 2), run.times(20, 2)
    if run.hub.database is not None:
        workers.with_environment(run, wrong, workers.off(right, MINUTES_OFF))
    run.slow(factor=2)
    run.hub.relay.behave(
        deferred=DEFERRED, refused=REFUSED, cut_in_data=times, cut_after_dot=times, busy=times, every=mail.every(run, times)
    )  # fmt: skip
    try:
        first = run.publish("before")
        run.hub.enqueue("fan_out", first, 1)
        if run.due >= CHUNKS:
            workers.kill_half_way(run, first)
        others = _others(run)
        steps = [step for pair in zip_longest([workers.kill_who_sends] * kills, others.values()) for step in pair if step]
        for share, step in zip(run.shares(len(steps)), steps, strict=True):
            run.until_arrived(share)
            step(run)
        run.until_arrived(0.95)
    finally:
        workers.with_environment(run, wrong, right)
    run.note("kill -9 of a worker in the middle of a mail", kills)
    run.note(", ".join(others), 1)
    for fault, words in {"deferred": "451", "refused": "550", "busy": "421", "cut_in_data": "line dropped inside DATA",
                         "cut_after_dot": "line dropped after the final dot"}.items():  # fmt: skip
        run.note(words, run.struck(fault))


def _others(run: Run) -> dict[str, Callable[[Run], object]]:
    steps: dict[str, Callable[[Run], object]] = {
        "Valkey away": lambda run: servers.without_valkey(run, lambda: run.publish("meanwhile")),
        "FLUSHALL": servers.flush,
        "PostgreSQL restarted": servers.restart_database,
        "connections refused": mail.without_relay,
        "Valkey killed": servers.empty_valkey,
        "answers 1 s late": mail.late_for_a_while,
    }
    return {words: step for words, step in steps.items() if run.hub.database or step is not servers.restart_database}


FAULTS: dict[str, Fault] = {
    "worker_killed": Fault("kill -9 of a worker", workers.worker_killed),
    "worker_stopped": Fault("SIGTERM of a worker", workers.worker_stopped, least=1_500),  # more than is claimed at once
    "fan_out_killed": Fault("kill -9 of the fan-out half way", workers.fan_out_killed, least=CHUNKS),
    "fan_out_twice": Fault("two fan-out jobs of one announcement at once", workers.fan_out_twice, least=CHUNKS // 2),
    # one machine has one clock, and SQLite is on one machine
    "clock_off": Fault("a worker's clock 5 minutes off", workers.clock_off, parts=("beside", "ahead", "behind"), least=2_000, sqlite=False),
    "valkey_flushed": Fault("Valkey flushed", servers.valkey_flushed),
    "valkey_emptied": Fault("Valkey restarted empty", servers.valkey_emptied),
    "valkey_away": Fault("Valkey away", servers.valkey_away, parts=("before", "meanwhile")),
    "database_restarted": Fault("PostgreSQL restarted", servers.database_restarted, sqlite=False),
    "relay_away": Fault("mail server refuses connections", mail.relay_away),
    "refused_for_now": Fault("451 for a third of the recipients", mail.refused_for_now),
    "refused_for_good": Fault("550 for a twentieth of the recipients", mail.refused_for_good, refused=REFUSED),
    "cut_in_data": Fault("line dropped inside DATA", mail.cut_in_data),
    "cut_after_dot": Fault("line dropped after the final dot", mail.cut_after_dot),
    "busy": Fault("421 in the middle", mail.busy),
    "late": Fault("mail server answers a second late", mail.late),
    "all_together": Fault("all of it in one run", all_together, parts=("before", "meanwhile"), refused=REFUSED, least=1_200),
}
