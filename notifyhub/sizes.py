"""Sizes of files, spelled out for a reader."""

from __future__ import annotations

from babel import Locale
from babel.units import format_unit

_UNITS = (("gigabyte", 10**9), ("megabyte", 10**6), ("kilobyte", 10**3))  # not every language has a word for single bytes


def spell(size: int, formats: Locale) -> str:
    """With two digits that count: 1.4 MB, 120 kB, 0.1 kB."""
    unit, bytes = next((known for known in _UNITS if size >= known[1] * 0.9995), _UNITS[-1])
    value = max(size / bytes, 0.1)
    return format_unit(value, f"digital-{unit}", "short", "#,##0.#" if value < 9.95 else "#,##0", formats)
