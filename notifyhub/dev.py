"""`notifyhub dev`: everything on one machine. Starts the processes, restarts what dies, and leaves nothing behind.

One thread and one loop. Each process is a direct child in a process group of its own, so that Ctrl-C in a terminal
reaches the launcher alone and it can end them in order; the kernel kills them when the launcher is killed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from notifyhub import embedded, stopping
from notifyhub.cli import web_command
from notifyhub.config import Settings

WORKERS = 2
START_SECONDS = 15.0  # how long Valkey and the mailbox may take until they answer
STOP_SECONDS = 6.5  # from SIGTERM to SIGKILL; nothing may be left after 10
STOP_PARTS_SECONDS = 1.5  # the same for what the others stood on, after them
STEADY_SECONDS = 5.0  # a process that lived this long did not die at once
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.5  # before a restart; what died is back within 2 s
SAME_WISH_SECONDS = 0.5
COLOURS = (36, 32, 33, 35, 34, 96, 92)


class CannotGoOn(Exception):
    """Told to the user in one line; everything is ended."""


class Asked(Exception):
    """Somebody wants the launcher to stop."""


def run(settings: Settings, demo: bool, end_with_parent: bool) -> int:
    """Runs until it is asked to stop. Returns the exit status."""
    if end_with_parent:
        stopping.end_with_parent(os.getppid(), signal.SIGTERM)
    try:
        with _listening(settings) as listener, _locked(settings):
            Launcher(settings, listener, demo).run()
    except CannotGoOn as error:
        print(f"notifyhub: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _listening(settings: Settings) -> socket.socket:
    """The launcher itself listens, and gives the socket to the web: the port stays ours while the web is restarted."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((embedded.host(settings), settings.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise CannotGoOn(f"port {settings.port} {why}; choose another with PORT=… (and a DATA_DIR=… of its own)") from None
    return listener


@contextlib.contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    """One launcher for one DATA_DIR."""
    with _lock_file(settings.run_dir) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotGoOn(
                f"another NotifyHub (process {file.read().strip()}) runs on {settings.data_dir}; choose another folder with DATA_DIR=…"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _lock_file(folder: Path) -> IO[str]:
    try:
        folder.chmod(0o700)
        return (folder / "dev.lock").open("a+")
    except OSError as error:
        raise CannotGoOn(f"cannot use {folder}: {error.strerror}") from None


class Child:
    """One process that should run: how it is started, and how it has fared."""

    def __init__(self, name: str, command: list[str], once: bool = False, quiet: bool = False, fd: int | None = None) -> None:
        self.name = name
        self.command = command
        self.once = once  # it ends by itself
        self.quiet = quiet  # what it says is shown when it fails
        self.fd = fd
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.due: float | None = None  # when it is started again
        self.deaths = 0  # in a row, each soon after the start
        self.said: deque[str] = deque(maxlen=30)

    def start(self, environ: dict[str, str]) -> IO[bytes]:
        """Returns its output."""
        launcher = os.getpid()
        self.due, self.started_at = None, time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
            pass_fds=() if self.fd is None else (self.fd,),
            preexec_fn=lambda: stopping.end_with_parent(launcher),  # harmless after a fork, because there is one thread only
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        return self.process.stdout

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self) -> None:
        if self.process is not None and self.is_running():
            self.process.terminate()

    def kill_group(self) -> None:
        """Its own children too."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def status(self) -> int:
        return self.process.returncode if self.process is not None and self.process.returncode is not None else 0

    def ending(self) -> str:
        return f"was killed by {signal.Signals(-self.status).name}" if self.status < 0 else f"ended with exit status {self.status}"

    def pause(self, now: float) -> float:
        """Seconds until it is started again: hardly any, but longer each time while it keeps dying at once."""
        self.deaths = 1 if now - self.started_at > STEADY_SECONDS else self.deaths + 1
        return float(min(FIRST_PAUSE * 2 ** (self.deaths - 1), LONGEST_PAUSE))

    def last_words(self) -> str:
        return embedded.without_stamp(self.said[-1]) if self.said else "it said nothing"


class Launcher:
    def __init__(self, settings: Settings, listener: socket.socket, demo: bool) -> None:
        self.settings = settings
        self.listener = listener
        self.demo = demo
        self.parts: list[Child] = []  # what the others stand on: started before them, ended after them
        self.children: list[Child] = []
        self.restarts = False
        self.asked, self.asked_at = 0, 0.0
        self.screen = Screen()
        self.selector = selectors.DefaultSelector()
        self.environ = os.environ | {"DATA_DIR": str(settings.data_dir), "PYTHONUNBUFFERED": "1"}

    def run(self) -> None:
        with self._signals():
            try:
                self._start_parts()
                self._migrate()
                self._await_parts()
                self._start_everything()
                self._await_ready()
                self._tell_where_to_look()
                while True:
                    self._turn(60)
            except Asked:
                self.screen.say("stopping …")
            finally:
                self._end_everything()

    # The steps of its life

    def _start_parts(self) -> None:
        if self.settings.embedded_redis:
            embedded.valkey_socket(self.settings).unlink(missing_ok=True)  # left by one that was killed
            self.parts.append(Child("valkey", embedded.valkey_command(self.settings), quiet=True))
        if self.settings.embedded_mailbox:
            self.parts.append(Child("mailbox", _command("mailbox")))
        for part in self.parts:
            self._start(part)

    def _migrate(self) -> None:
        migration = Child("migrate", _command("db", "upgrade"), once=True, quiet=True)
        self._run_once(migration)
        if migration.status != 0:
            for line in migration.said:
                self.screen.line(migration.name, line)
            raise CannotGoOn(f"the database cannot be brought up to date: {migration.last_words()}")

    def _await_parts(self) -> None:
        sockets = {"valkey": embedded.valkey_socket(self.settings), "mailbox": self.settings.relay.socket_path}
        talk = {"valkey": embedded.valkey_answers, "mailbox": embedded.mailbox_answers}
        deadline = time.monotonic() + START_SECONDS
        for part in self.parts:
            while not talk[part.name](str(sockets[part.name])):
                if not part.is_running() or time.monotonic() > deadline:
                    self._drain()
                    raise CannotGoOn(f"{part.name} did not start: {part.last_words()}")
                self._turn(0.03)

    def _start_everything(self) -> None:
        self.restarts = True
        fd = self.listener.fileno()
        self.children += [
            Child("web", web_command(f"fd://{fd}"), fd=fd),
            *(Child(f"worker-{number + 1}", _command("worker")) for number in range(WORKERS)),
            Child("cron", _command("cron")),
            Child("intake", _command("intake")),
        ]
        for child in self.children:
            self._start(child)
        if self.demo:
            demo = Child("demo", _command("demo"), once=True)
            self._run_once(demo)
            if demo.status != 0:
                self.screen.say(f"demo {demo.ending()}; going on without")

    def _await_ready(self) -> None:
        while not self._is_ready():
            self._turn(0.1)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.settings.port, timeout=1)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _tell_where_to_look(self) -> None:
        base, relay = f"http://127.0.0.1:{self.settings.port}", self.settings.relay
        script = _from_here(Path(sys.executable).with_name("notifyhub"))
        place = f"DATA_DIR={_from_here(self.settings.data_dir)} " if "DATA_DIR" in os.environ else ""
        key = (
            "the one in NOTIFYHUB_BOOTSTRAP_API_KEY"
            if self.settings.bootstrap_api_key
            else f"{place}{script} keys create mine --scope accounts --scope announcements --scope reports"
        )
        mail = f"caught: {base}/dev/mail" if self.settings.embedded_mailbox else f"goes to {relay.host}:{relay.port}"
        self.screen.print(
            "",
            f"NotifyHub is ready: {base}",
            f"  staff   {base}/staff/",
            f"  API     {base}/docs",
            f"  API key {key}",
            f"  mail    {mail}",
            f"  mail in {self.settings.intake}",
            f"  data    {self.settings.data_dir}",
            "Ctrl-C ends everything.",
            "",
        )

    def _end_everything(self) -> None:
        """In order, first kindly. Whoever asks once more hastens it."""
        self.restarts = False
        asked = self.asked
        for group, seconds in ((self.children, STOP_SECONDS), (self.parts, STOP_PARTS_SECONDS)):
            for child in group:
                child.end()
            deadline = time.monotonic() + seconds
            while any(child.is_running() for child in group) and time.monotonic() < deadline and self.asked == asked:
                self._listen(0.1)
            stubborn = [child.name for child in group if child.is_running()]
            for child in group:
                child.kill_group()
            if stubborn:
                self.screen.say(f"killed {', '.join(stubborn)}")
        self._drain()

    # The loop

    def _turn(self, seconds: float) -> None:
        """Listens for up to so long, then does what became due. Raises Asked."""
        now = time.monotonic()
        due = [child.due - now for child in self._all() if child.due is not None]
        self._listen(max(0.0, min([seconds, *due])))
        if self.asked:
            raise Asked
        for child in self._all() if self.restarts else ():
            if child.due is None:
                self._bury(child)
            elif child.due <= time.monotonic():
                self._start(child)

    def _all(self) -> list[Child]:
        return [*self.parts, *self.children]

    def _bury(self, child: Child) -> None:
        if child.is_running() or child.once:
            return
        child.kill_group()
        now = time.monotonic()
        pause = child.pause(now)
        child.due = now + pause
        times = f", {child.deaths} times in a row" if child.deaths > 1 else ""
        words = f" ({child.last_words()})" if child.quiet else ""
        self.screen.say(f"{child.name} {child.ending()}{times}{words}; starting it again" + (f" in {pause:.1f} s" if pause > 0.5 else ""))

    def _start(self, child: Child) -> None:
        try:
            output = child.start(self.environ)
        except OSError as error:  # no memory for another process, perhaps not for long
            child.due = time.monotonic() + LONGEST_PAUSE
            self.screen.say(f"{child.name} cannot be started: {error.strerror}")
            return
        self.selector.register(output, selectors.EVENT_READ, (child, bytearray()))

    def _run_once(self, child: Child) -> None:
        self.children.append(child)
        self._start(child)
        while child.is_running():
            self._turn(60)
        self._drain()
        self.children.remove(child)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Signals are noted, and wake the loop up."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self.selector.register(ours, selectors.EVENT_READ, None)
        before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        handlers: dict[signal.Signals, Callable[..., None]] = {signal.SIGCHLD: lambda *_: None}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                handlers[number] = self._note
        for number, handler in handlers.items():
            signal.signal(number, handler)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            ours.close()
            theirs.close()

    def _note(self, *_: object) -> None:
        now = time.monotonic()
        # the same wish may come twice: to the group, and from make or timeout, which pass it on
        if now - self.asked_at > SAME_WISH_SECONDS:
            self.asked, self.asked_at = self.asked + 1, now

    def _listen(self, seconds: float) -> None:
        """Prints what the children say, until a signal comes or the time is over."""
        for key, _ in self.selector.select(seconds):
            if key.data is None:
                key.fileobj.recv(4096)  # type: ignore[union-attr]
            else:
                self._hear(key.fileobj, *key.data)  # type: ignore[arg-type]

    def _hear(self, output: IO[bytes], child: Child, unfinished: bytearray) -> None:
        data = output.read(65536)
        if data is None:
            return
        *lines, rest = (bytes(unfinished) + data).split(b"\n")
        unfinished[:] = rest
        if not data:
            self.selector.unregister(output)
            output.close()
            lines = [rest] if rest else []
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                child.said.append(text)
            if not child.quiet:
                self.screen.line(child.name, text)

    def _drain(self) -> None:
        """What is left in the pipes of processes that ended."""
        while any(key.data for key, _ in self.selector.select(0)):
            self._listen(0)


class Screen:
    """Line by line, each under the name of who said it."""

    def __init__(self) -> None:
        self.coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.colours: dict[str, int] = {}

    def line(self, name: str, text: str) -> None:
        colour = self.colours.setdefault(name, COLOURS[len(self.colours) % len(COLOURS)])
        self.print(f"\x1b[{colour}m{name:<9}\x1b[0m {text}" if self.coloured else f"{name:<9} {text}")

    def say(self, text: str) -> None:
        self.line("notifyhub", text)

    def print(self, *lines: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # whoever read it may be gone
            print(*lines, sep="\n", flush=True)


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "notifyhub", *words]


def _from_here(path: Path) -> Path:
    """As it is typed in this folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
