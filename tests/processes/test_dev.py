"""`notifyhub dev` as a whole: real processes, each on a folder and a port of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notifyhub import ROOT, embedded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc, and needs the parent-death signal")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(true: Callable[[], object], seconds: float) -> float:
    """Waits, and returns how long it took."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - start


def command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


class Installation:
    def __init__(self, port: int | None = None, data: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nh-"))
        self.data = data or self.folder / "data"
        self.port = port or free_port()
        self.log = self.folder / "log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "notifyhub", "dev"],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("NOTIFYHUB_")}
            | {"PORT": str(self.port), "DATA_DIR": str(self.data), "DEMO": "0"},
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def said(self) -> str:
        return self.log.read_text()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=15) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.said()
        return "is ready" in self.said()

    def processes(self) -> list[int]:
        """The launcher and all below it."""
        parents = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        found = [self.process.pid]
        for pid in found:
            found.extend(child for child, parent in parents.items() if parent == pid and child not in found)
        return [pid for pid in found if alive(pid)]

    def find(self, words: str) -> list[int]:
        return [pid for pid in self.processes() if words in command_line(pid)]

    def valkey(self) -> list[int]:
        return self.find("valkey")

    def arbiters(self) -> list[int]:
        return [pid for pid in self.find("gunicorn") if f"\nPPid:\t{self.process.pid}\n" in Path(f"/proc/{pid}/status").read_text()]

    def end(self) -> None:
        left = self.processes()
        self.process.kill()
        self.process.wait()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        subprocess.run(["rm", "-rf", str(self.folder)], check=True)


@contextlib.contextmanager
def installation(port: int | None = None, data: Path | None = None) -> Iterator[Installation]:
    running = Installation(port, data)
    try:
        yield running
    finally:
        running.end()


@pytest.fixture(scope="module")
def hub() -> Iterator[Installation]:
    with installation() as running:
        until(running.is_ready, 60)
        yield running


def test_everything_starts_and_says_where_to_look(hub: Installation) -> None:
    assert hub.answers()
    assert len(hub.find("notifyhub worker")) == 2
    assert len(hub.find("notifyhub cron")) == 1
    assert len(hub.valkey()) == 1
    assert f"http://127.0.0.1:{hub.port}/dev/mail" in hub.said()


def test_a_killed_worker_is_replaced(hub: Installation) -> None:
    victim, other = hub.find("notifyhub worker")
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(workers := hub.find("notifyhub worker")) == 2 and victim not in workers, 2)
    assert other in hub.find("notifyhub worker")
    assert "was killed by SIGKILL" in hub.said()


def test_a_killed_web_is_replaced_and_no_request_is_refused_meanwhile(hub: Installation) -> None:
    (victim,), before = hub.arbiters(), hub.find("gunicorn")
    os.kill(victim, signal.SIGKILL)
    until(lambda: not any(map(alive, before)), 2)
    assert hub.answers()
    assert hub.arbiters() not in ([], [victim])


def test_a_killed_process_of_the_web_is_replaced(hub: Installation) -> None:
    (arbiter,) = hub.arbiters()
    until(lambda: len(hub.find("gunicorn")) == 3, 5)
    victim = next(pid for pid in hub.find("gunicorn") if pid != arbiter)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(left := hub.find("gunicorn")) == 3 and victim not in left, 2)
    assert hub.answers()


def test_a_killed_valkey_is_replaced_and_keeps_its_data(hub: Installation) -> None:
    path = str(hub.data / "run" / "valkey.sock")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"SET kept 1\r\n")
        assert connection.recv(16) == b"+OK\r\n"
    (victim,) = hub.valkey()
    os.kill(victim, signal.SIGKILL)
    until(lambda: not alive(victim) and embedded.valkey_answers(path), 2)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"GET kept\r\n")
        assert connection.recv(16) == b"$1\r\n1\r\n"


def test_a_killed_mailbox_is_replaced(hub: Installation) -> None:
    path = str(hub.data / "run" / "smtp.sock")
    (victim,) = hub.find("notifyhub mailbox")
    os.kill(victim, signal.SIGKILL)
    until(lambda: not alive(victim) and embedded.mailbox_answers(path), 2)


def test_a_taken_port_is_told_at_once(hub: Installation) -> None:
    with installation(port=hub.port) as late:
        assert late.process.wait(5) == 1
        assert late.said().startswith(f"notifyhub: port {hub.port} is taken; choose another with PORT=…")
        assert late.said().count("\n") == 1


def test_a_folder_in_use_is_told_at_once(hub: Installation) -> None:
    with installation(data=hub.data) as late:
        assert late.process.wait(5) == 1
        assert f"(process {hub.process.pid}) runs on {hub.data}" in late.said()
        assert late.said().count("\n") == 1
    assert hub.answers()


def test_two_run_side_by_side_and_a_killed_launcher_leaves_nothing_behind(hub: Installation) -> None:
    with installation() as second:
        until(second.is_ready, 60)
        assert hub.answers()
        assert second.answers()
        processes = second.processes()
        assert len(processes) >= 8
        second.process.kill()
        second.process.wait()
        until(lambda: not any(map(alive, processes)), 10)
    assert hub.answers()


def test_sigterm_ends_everything(hub: Installation) -> None:
    """Last in this file: it ends what the others use."""
    processes = hub.processes()
    hub.process.terminate()
    assert hub.process.wait(10) == 0
    assert not any(map(alive, processes))
    assert "Traceback" not in hub.said().partition("stopping …")[2]


def test_ctrl_c_ends_everything_even_while_it_starts() -> None:
    with installation() as hub:
        until(lambda: hub.find("notifyhub mailbox"), 10)
        processes = hub.processes()
        os.killpg(hub.process.pid, signal.SIGINT)
        assert hub.process.wait(10) == 0
        assert not any(map(alive, processes))
        assert "Traceback" not in hub.said()
