"""How much memory the processes below one of ours have used at most, by what they are. Linux only: it reads /proc."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

PROC = Path("/proc")
EVERY = 1.0  # seconds; looking more often would cost what is measured its time


class Process(NamedTuple):
    pid: int
    parent: int
    command: str


def descendants(root: int) -> list[Process]:
    processes = [process for process in map(_read, PROC.glob("[0-9]*")) if process]
    found, family = list[Process](), {root}
    while True:
        new = [process for process in processes if process.parent in family and process.pid not in family]
        if not new:
            return found
        found += new
        family |= {process.pid for process in new}


def _read(folder: Path) -> Process | None:
    try:
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:  # it has just ended
        return None
    return Process(int(folder.name), parent, command)


def kind(command: str) -> str:
    for word, name in (("gunicorn", "web"), ("notifyhub web", "web"), ("notifyhub worker", "worker"), ("valkey", "valkey")):
        if word in command:
            return name
    return "other"


class Peaks:
    """Watches while the block lasts; `megabytes` then has the largest process of each kind.

    The kernel keeps each process's peak (VmHWM). It is set back at the beginning, so that an earlier peak is not counted again.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self.by_process: dict[tuple[str, int], float] = {}
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def megabytes(self) -> dict[str, float]:
        largest: dict[str, float] = defaultdict(float)
        for (name, _), peak in self.by_process.items():
            largest[name] = max(largest[name], peak)
        return dict(largest)

    def __enter__(self) -> Peaks:
        for process in descendants(self.root):
            try:
                (PROC / str(process.pid) / "clear_refs").write_text("5")
            except OSError:
                continue
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopped.set()
        self.thread.join()
        self._look()

    def _watch(self) -> None:
        while not self.stopped.wait(EVERY):
            self._look()

    def _look(self) -> None:
        for process in descendants(self.root):
            peak = _peak(process.pid)
            if peak is not None:
                self.by_process[kind(process.command), process.pid] = peak


def _peak(pid: int) -> float | None:
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) / 1024 if lines else None
