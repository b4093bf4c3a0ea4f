"""What somebody wrote, and what their mail program quoted below or above it."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from operator import itemgetter

import quotequail

LOOKED_AT = 200  # characters of a line: some of the patterns take a time that grows with the square of it


@lru_cache(maxsize=512)  # what was said is never changed
def apart(text: str) -> tuple[tuple[str, bool], ...]:
    """(text, whether it is quoted), in turns. What somebody wrote between quoted lines is theirs."""
    lines = text.split("\n")
    introduced = _introduced(lines)
    before, after = lines[:introduced], lines[introduced:]
    unmarked = after and not any(map(_is_marked, after))
    turns = [*_in_turns(before), (after, True)] if unmarked else _in_turns(lines)
    told = [("\n".join(turn).strip("\n"), quoted) for turn, quoted in turns]
    return tuple((turn, quoted) for turn, quoted in told if turn.strip())


def _introduced(lines: list[str]) -> int:
    """How many lines stand before what is quoted, if something says that it is: "On Monday, Ada wrote:", or a forwarded head."""
    (_, first), *rest = quotequail.quote("\n".join(line[:LOOKED_AT] for line in lines), limit=len(lines) + 1)
    return first.count("\n") + 1 if rest else len(lines)


def _in_turns(lines: list[str]) -> list[tuple[list[str], bool]]:
    """An empty line goes with what stands before it."""
    told: list[tuple[bool, str]] = []
    for line in lines:
        told.append((_is_marked(line) if line.strip() or not told else told[-1][0], line))
    return [([line for _, line in turn], quoted) for quoted, turn in groupby(told, key=itemgetter(0))]


def _is_marked(line: str) -> bool:
    return line.lstrip().startswith(">")
