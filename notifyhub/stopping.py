"""How a process of ours ends: when it is asked to, and when its parent is gone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

_asked = False
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def stopping() -> bool:
    """Whether this process was asked to end. Streams and long jobs look once a second, so that they do not delay it."""
    return _asked


def watch() -> None:
    """Makes stopping() true once a signal asks. Handlers that are installed already are called as before.

    Where there is none, the process is not ended by the signal any more: it has to look at stopping().
    """
    for number in SIGNALS:
        signal.signal(number, _noting(signal.getsignal(number)))


def _noting(previous: Callable[[int, FrameType | None], object] | int | None) -> Callable[[int, FrameType | None], None]:
    def note(number: int, frame: FrameType | None) -> None:
        global _asked
        _asked = True
        if callable(previous) and previous is not signal.default_int_handler:
            previous(number, frame)

    return note


def end_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Has the kernel send this process a signal when its parent ends, however that happens. Only Linux can.

    The parent's pid is given, because it may have died before the kernel was asked.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)
