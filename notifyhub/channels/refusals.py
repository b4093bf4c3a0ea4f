"""How many of the last letters the next hop refused for good. One blocklisting must not mark every customer as bouncing."""

from __future__ import annotations

from collections.abc import Iterable

from notifyhub.channels.contract import Report

WINDOW = 200  # answers
MOST_REFUSED = WINDOW // 5
WHY = f"more than {MOST_REFUSED} of the last {WINDOW} letters were refused for good"
ACCEPTED = "a"
LETTERS = {"accepted": ACCEPTED, "refused": "r"}  # of what else can happen nothing follows


def noted(recent: str, reports: Iterable[Report]) -> str:
    """`recent`, one letter an answer, after these. What was accepted before the first refusal counts for nothing, and is left out."""
    return (recent + "".join([LETTERS.get(report.outcome, "") for report in reports]))[-WINDOW:].lstrip(ACCEPTED)


def too_many(recent: str) -> bool:
    return recent.count("r") > MOST_REFUSED
