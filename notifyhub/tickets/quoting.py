"""What somebody wrote, and what their mail program quoted below or above it."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

import quotequail

LOOKED_AT = 200  # characters of a line: some of the patterns take a time that grows with the square of it


@lru_cache(maxsize=512)  # what was said is never changed
def apart(text: str) -> tuple[tuple[str, bool], ...]:
    """(text, whether it is quoted), in turns. What somebody wrote between quoted lines is theirs."""
    lines = text.split("\n")
    own = _own_lines(lines)
    quoted = lines[own:]
    if not any(line.lstrip().startswith(">") for line in quoted):  # it was introduced, and not marked line by line
        turns = [(lines[:own], False), (quoted, True)]
    else:
        turns = [(lines[:own], False), *_in_turns(quoted)]
    told = [("\n".join(turn).strip("\n"), is_quoted) for turn, is_quoted in turns]
    return tuple((turn, is_quoted) for turn, is_quoted in told if turn.strip())


def _own_lines(lines: list[str]) -> int:
    """How many stand before the first quoted one."""
    (_, first), *rest = quotequail.quote("\n".join(line[:LOOKED_AT] for line in lines), limit=len(lines) + 1)
    return first.count("\n") + 1 if rest else len(lines)


def _in_turns(lines: list[str]) -> list[tuple[list[str], bool]]:
    """An empty line goes with what stands before it."""
    marked, is_quoted = [], True
    for line in lines:
        if line.strip():
            is_quoted = line.lstrip().startswith(">")
        marked.append((is_quoted, line))
    return [([line for _, line in turn], quoted) for quoted, turn in groupby(marked, key=lambda entry: entry[0])]
