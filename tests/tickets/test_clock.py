"""How the promise of a first response stands at a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from notifyhub.models import Ticket
from notifyhub.tickets import clock

OPENED = datetime(2026, 11, 26, 14, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ticket(answered: float | None = None, status: str = "open") -> Ticket:
    return Ticket(
        status=status, promise_minutes=10, promised_at=OPENED + 10 * MINUTE,
        first_response_at=None if answered is None else OPENED + answered * MINUTE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "phase"), [(0, "running"), (6.9, "running"), (7, "warned"), (9.9, "warned"), (10, "breached"), (5000, "breached")]
)
def test_it_warns_when_most_of_the_time_is_gone(minutes: float, phase: str) -> None:
    found = clock.read(ticket(), OPENED + minutes * MINUTE)
    assert found.phase == phase
    assert found.left == (10 - minutes) * MINUTE
    assert found.warned_at == OPENED + 7 * MINUTE


@pytest.mark.parametrize(("answered", "phase"), [(0, "kept"), (10, "kept"), (10.1, "late")])
def test_the_answer_keeps_it_or_comes_late(answered: float, phase: str) -> None:
    found = clock.read(ticket(answered), OPENED + timedelta(days=1))
    assert (found.phase, found.taken) == (phase, answered * MINUTE)


@pytest.mark.parametrize("status", ["resolved", "closed"])
def test_what_was_over_before_anyone_answered_is_settled(status: str) -> None:
    assert clock.read(ticket(status=status), OPENED + timedelta(days=1)).phase == "settled"
