"""When the next hop refuses too much: a fifth of its last answers."""

from __future__ import annotations

import random

import pytest

from notifyhub.channels import refusals
from notifyhub.channels.contract import Report
from notifyhub.database import new_id

REPORTS = {
    "a": Report(new_id(), "accepted", ""),
    "r": Report(new_id(), "refused", ""),
    "d": Report(new_id(), "deferred", ""),
    "u": Report(new_id(), "unsent", ""),
}


def reports(outcomes: str) -> list[Report]:
    return [REPORTS[letter] for letter in outcomes]


@pytest.mark.parametrize("seed", range(20))
def test_what_it_keeps_tells_the_same_as_all_that_was_answered(seed: int) -> None:
    chance = random.Random(seed)
    told, recent = "", ""
    for _ in range(60):
        some = "".join(chance.choices("ardu", [80, chance.choice([0, 5, 20, 40]), 5, 5], k=chance.randint(1, 90)))
        told += "".join(letter for letter in some if letter in "ar")
        recent = refusals.noted(recent, reports(some))
        assert refusals.too_many(recent) == (told[-refusals.WINDOW :].count("r") > refusals.MOST_REFUSED)


def test_nothing_is_kept_as_long_as_nothing_is_refused() -> None:
    assert refusals.noted("", reports("aaad")) == ""
    recent = refusals.noted("", reports("ar"))
    for _ in range(refusals.WINDOW):
        recent = refusals.noted(recent, reports("a"))
    assert recent == ""
