"""Text with holes: compiled once, then filled per reader.

Holes are made by random alphanumeric placeholders, because those pass through Markdown, HTML sanitising and
premailer unchanged, where `{{ … }}` does not. What is filled in is never looked at again, so nothing in a value can act.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple, Self

WIDTH = 75  # so that quoted-printable has no line to break


class Hole(NamedTuple):
    name: str


class Section(NamedTuple):
    """Filled once for each mapping of values that it is given: none, one or many."""

    name: str
    pieces: Pieces


Piece = str | Hole | Section
Pieces = tuple[Piece, ...]
Values = Mapping[str, Any]  # a string for each hole, a sequence of Values for each section


class Placeholders:
    # one for the process: it never leaves it, and expressions that hold it are compiled once
    nonce = "x" + secrets.token_hex(8)
    _marks = re.compile(rf"{nonce}(hole|begin|end)([a-z_]+)X")

    def hole(self, name: str) -> str:
        return f"{self.nonce}hole{name}X"

    def begin(self, name: str) -> str:
        return f"{self.nonce}begin{name}X"

    def end(self, name: str) -> str:
        return f"{self.nonce}end{name}X"

    def sections(self, *texts: str) -> set[str]:
        """The names of those that stand in a text."""
        return {name for text in texts for what, name in self._marks.findall(text) if what == "begin"}

    def tidy(self, text: str) -> str:
        """Plain text in which a section that stood around lines holds exactly these lines."""
        return re.sub(rf"[ ]*({self.nonce}begin[a-z_]+X)\n|[ ]*({self.nonce}end[a-z_]+X)\n?", r"\1\2", text)

    def spaced(self, text: str, conditions: str) -> str:
        """Plain text as parts that each bring the empty line above them and end their last line, so that any of them may be absent:
        the sections that hold whole paragraphs, and what stands between them.

        `conditions`: a regular expression for the names of such sections.
        """
        section = rf"({self.nonce}begin(?P<name>{conditions})X)(.*?)({self.nonce}end(?P=name)X)"
        parts, place = [], 0
        for found in re.finditer(section, text, re.DOTALL):
            parts += [_part(text[place : found.start()]), found[1], _part(found[3]), found[4]]
            place = found.end()
        return "".join([*parts, _part(text[place:])])

    def parse(self, text: str) -> Pieces:
        return tuple(self._pieces(iter(self._marks.split(text)), None))

    def _pieces(self, parts: Iterator[str], until: str | None) -> Iterator[Piece]:
        for literal in parts:
            if literal:
                yield literal
            what, name = next(parts, None), next(parts, "")
            if what is None:
                return
            if what == "end":
                assert name == until, f"{name} ends inside {until}"
                return
            yield Hole(name) if what == "hole" else Section(name, tuple(self._pieces(parts, name)))


def _part(text: str) -> str:
    lines = re.sub(r"\A(?: *\n)+", "", text.rstrip())
    return f"\n{lines}\n" if lines else ""


def settle(pieces: Pieces, known: Values) -> Pieces:
    """Fills what is known by now; a value may be pieces itself. The rest stays open."""
    settled: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) or piece.name not in known:
            settled.append(piece)
        elif isinstance(piece, Section):
            for row in known[piece.name]:
                settled += settle(piece.pieces, row)
        elif isinstance(value := known[piece.name], str):
            settled.append(value)
        else:
            settled += value
    return tuple(settled)


class Form:
    """What one piece, or a line of them, becomes; `%` does the joining, as nothing in Python is faster."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._sections: list[tuple[str, Form]] = []
        self._format = ""
        for piece in pieces:
            if isinstance(piece, str):
                self._format += piece.replace("%", "%%")
            else:
                self._format += f"%({piece.name})s"
            if isinstance(piece, Section):
                self._sections.append((piece.name, Form(piece.pieces)))

    def fill(self, values: Values) -> str:
        if self._sections:
            values = dict(values)
            for name, form in self._sections:
                rows = values[name]
                values[name] = "".join([form.fill(row) for row in rows]) if rows else ""
        return self._format % values


class Pattern:
    """Alternates what is the same for everyone (`fixed`, one more) with what is filled in per reader."""

    def __init__(self, pieces: Pieces) -> None:
        self.fixed, self._forms = self._split([piece] for piece in pieces)

    def _split(self, groups: Iterable[Sequence[Piece]]) -> tuple[tuple[str, ...], list[Form]]:
        fixed, forms = [""], []
        for group in groups:
            if all(isinstance(piece, str) for piece in group):
                fixed[-1] += self._finished("".join(map(str, group)))
            else:
                forms.append(Form(group))
                fixed.append("")
        return tuple(fixed), forms

    def _finished(self, text: str) -> str:
        return text

    def vary(self, values: Values) -> list[str]:
        return [form.fill(values) for form in self._forms]

    def bare(self) -> Self:
        """For whoever keeps the fixed parts in another form, and only asks what varies."""
        bare = copy(self)
        bare.fixed = ()
        return bare

    def fill(self, values: Values) -> str:
        return "".join(part for pair in zip(self.fixed, (*self.vary(values), ""), strict=True) for part in pair)


class WrappedPattern(Pattern):
    """Plain text in lines of at most WIDTH characters, whatever fills the holes: a line with holes is one piece, wrapped last."""

    def __init__(self, pieces: Pieces) -> None:
        self.fixed, self._forms = self._split(_lines(pieces))

    def _finished(self, text: str) -> str:
        return wrap(text)

    def vary(self, values: Values) -> list[str]:
        return [wrap(form.fill(values)) for form in self._forms]


def _lines(pieces: Pieces) -> Iterator[list[Piece]]:
    line: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Section):
            yield line
            yield [piece]
            line = []
        elif isinstance(piece, str):
            first, *others = piece.split("\n")
            line.append(first)
            for other in others:
                line.append("\n")
                yield line
                line = [other]
        else:
            line.append(piece)
    yield line


def wrap(text: str) -> str:
    if len(text) <= WIDTH:
        return text
    return "\n".join([line if len(line) <= WIDTH else _wrap(line) for line in text.split("\n")])


def _wrap(line: str) -> str:
    """Breaks at spaces only, so that addresses stay whole; what follows is indented like the text of the first line."""
    lead = len(line) - len(line.lstrip(" "))
    item = _ITEM.match(line, lead)
    indent = " " * (item.end() if item else lead)
    lines = []
    while len(line) > WIDTH:
        cut = line.rfind(" ", len(indent) + 1, WIDTH + 1)
        if cut < 0:
            cut = line.find(" ", WIDTH)
        if cut < 0:
            break
        lines.append(line[:cut].rstrip(" "))
        line = indent + line[cut:].lstrip(" ")
    return "\n".join([*lines, line])


_ITEM = re.compile(r"([*+-]|\d+\.) +")
