"""What a benchmark reports: figures, each beside its aim where it has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    name: str
    value: float  # infinite: it never came
    unit: str
    aim: float | None = None
    better: Literal["more", "less"] = "more"

    @property
    def met(self) -> bool | None:
        if self.aim is None:
            return None
        return self.value >= self.aim if self.better == "more" else self.value <= self.aim


@dataclass
class Report:
    figures: list[Figure] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # what is wrong, not merely slow

    def add(self, name: str, value: float, unit: str, aim: float | None = None, better: Literal["more", "less"] = "more") -> None:
        self.figures.append(Figure(name, value, unit, aim, better))

    def as_json(self) -> dict[str, Any]:
        return {
            "figures": {
                figure.name: {"value": figure.value if isfinite(figure.value) else None, "unit": figure.unit}
                | ({} if figure.aim is None else {"aim": figure.aim, "better": figure.better, "met": figure.met})
                for figure in self.figures
            },
            "failures": self.failures,
        }

    def as_table(self) -> str:
        rows = [("figure", "value", "aim", "")] + [_row(figure) for figure in self.figures]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            f"{name:<{widths[0]}}  {value:>{widths[1]}}  {aim:>{widths[2]}}  {met}".rstrip() for name, value, aim, met in rows
        ]  # fmt: skip
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _row(figure: Figure) -> tuple[str, str, str, str]:
    aim = "" if figure.aim is None else f"{'≥' if figure.better == 'more' else '≤'} {_number(figure.aim)}"
    met = {None: "", True: "met", False: "falls short"}[figure.met]
    value = f"{_number(figure.value)} {figure.unit}" if isfinite(figure.value) else "never"
    return figure.name, value, aim, met


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"
