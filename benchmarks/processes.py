"""What the parts that start other processes share."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_port() -> int:
    """A port that was free a moment ago; whoever takes it must be ready to try another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`. Linux sends the child this signal when the thread that started it ends, however that ends."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded before the fork: little is safe after it

    def between_fork_and_exec() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(sign))

    return between_fork_and_exec


def stop(process: subprocess.Popen[bytes], sign: signal.Signals, seconds: float) -> bool:
    """Asks the process to end, and kills it when it has not after so many seconds. True if it ended by itself."""
    if process.poll() is None:
        process.send_signal(sign)
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
