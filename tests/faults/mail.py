"""What the mail server does."""

from __future__ import annotations

from tests.faults.run import Run
from tests.faults.workers import DEFERRED

REFUSED = 20  # one in so many addresses does not exist


def relay_away(run: Run) -> None:
    run.slow()
    run.publish()
    run.until_arrived(0.3)
    run.note(f"connections refused for {without_relay(run)} s", 1)


def without_relay(run: Run) -> int:
    """How many seconds."""
    seconds = run.times(20, 2)
    run.hub.relay.behave(listening=False)
    run.hub.rest(seconds)
    run.hub.relay.behave(listening=True)
    return seconds


def refused_for_now(run: Run) -> None:
    run.hub.relay.behave(deferred=DEFERRED)
    run.publish()
    run.until_arrived(1.0)
    run.note("451", run.struck("deferred"))


def refused_for_good(run: Run) -> None:
    run.hub.relay.behave(refused=REFUSED)
    run.publish()
    run.until_arrived(1.0)
    run.until_all_is_over()
    run.note("550", run.struck("refused"))


def cut_in_data(run: Run) -> None:
    _one_after_the_other(run, "cut_in_data", "line dropped inside DATA")


def cut_after_dot(run: Run) -> None:
    _one_after_the_other(run, "cut_after_dot", "line dropped after the final dot")


def busy(run: Run) -> None:
    _one_after_the_other(run, "busy", "421, at MAIL, RCPT, DATA and the final dot in turn")


def _one_after_the_other(run: Run, fault: str, words: str) -> None:
    times = run.times(40, 4)
    run.hub.relay.behave(**{fault: times}, every=every(run, times))
    run.publish()
    run.until_arrived(1.0)
    run.note(words, run.struck(fault), least=times)


def every(run: Run, times: int) -> int:
    """Spreads so many over the run, with some room at its end."""
    return max(1, run.due // (times * 2))


def late(run: Run) -> None:
    run.hub.relay.behave(delay=1.0)
    run.publish()
    run.hub.rest(run.times(20, 5))  # the first message is taken over after four answers
    run.hub.relay.behave(delay=0.0)
    run.until_arrived(1.0)
    run.note("messages taken over 1 s late", run.struck("late"))


def late_for_a_while(run: Run) -> None:
    run.hub.relay.behave(delay=1.0)
    run.hub.rest(run.times(10, 1))
    run.slow(factor=2)
