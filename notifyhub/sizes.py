"""Sizes of files, spelled out for a reader."""

from __future__ import annotations

from babel import Locale
from babel.units import format_unit

_UNITS = (("gigabyte", 10**9), ("megabyte", 10**6), ("kilobyte", 10**3))


def spell(size: int, formats: Locale) -> str:
    """With two digits that count: 1.4 MB, 120 kB."""
    for unit, bytes in _UNITS:
        if size >= bytes * 0.9995:
            value = size / bytes
            return format_unit(value, f"digital-{unit}", "short", "#,##0.#" if value < 9.95 else "#,##0", formats)
    return format_unit(size, "digital-byte", "long", locale=formats)
