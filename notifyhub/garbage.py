"""Python's cyclic garbage collector, set for processes that make millions of small objects and hardly any cycles."""

from __future__ import annotations

import gc


def collect_less() -> None:
    """Call it once all is imported: what is there by then stays, and looking through it again and again is a fifth of a fan-out's time."""
    gc.freeze()
    gc.set_threshold(10_000, 5, 2)
