"""The product, started as its users start it, and a small client of its HTTP interface."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import end_with_parent, free_port, stop

API_KEY = "benchmark-key-0123456789abcdef"
SECRET_KEY = "benchmark-secret-0123456789abcdef"
READY_TIMEOUT = 90.0
STOP_TIMEOUT = 20.0
COMMAND = Path(sys.executable).parent / "notifyhub"


class Refused(RuntimeError):
    """The product answered with an error."""


class Client:
    """Of the HTTP interface, with a key that may do everything."""

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, path, data, "application/json")

    def upload(self, path: str, file: Path, content_type: str) -> Any:
        """Streams the file: it never lies in memory whole."""
        with file.open("rb") as content:
            return self._send("POST", path, content, content_type, length=file.stat().st_size)

    def _send(self, method: str, path: str, data: Any, content_type: str, length: int | None = None) -> Any:
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": content_type}
        if length is not None:
            headers["Content-Length"] = str(length)
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=900) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.code} {error.read()[:500].decode(errors='replace')}") from None

    def is_ready(self) -> bool:
        try:
            self.call("GET", "/readyz")
        except (Refused, OSError, http.client.HTTPException):
            return False
        return True


class Product(Client):
    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        super().__init__(port)
        self.process, self.log = process, log

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@contextmanager
def running(database_url: str | None, smtp_port: int, **changes: str) -> Iterator[Product]:
    """`notifyhub dev` on ports and a data folder of its own; without a database URL on the embedded SQLite."""
    with tempfile.TemporaryDirectory(prefix="notifyhub-benchmark-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [COMMAND, "dev"],
                env=environment(folder, port, smtp_port, database_url) | changes,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGTERM),
            )
        product = Product(process, port, log)
        try:
            _wait_until_ready(product)
            yield product
        finally:
            if not stop(process, signal.SIGTERM, STOP_TIMEOUT):
                print(f"notifyhub dev had to be killed {STOP_TIMEOUT:.0f} s after SIGTERM:\n{product.tail()}", file=sys.stderr)


def environment(folder: Path, port: int, smtp_port: int, database_url: str | None) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NOTIFYHUB_")}
    database = {} if database_url is None else {"NOTIFYHUB_DATABASE_URL": database_url}
    return inherited | database | {
        "PORT": str(port),
        "DATA_DIR": str(folder / "data"),
        "DEMO": "0",
        "NOTIFYHUB_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?tls=none",
        "NOTIFYHUB_MAIL_FROM": "Provider Support <support@provider.example>",
        "NOTIFYHUB_BASE_URL": f"http://127.0.0.1:{port}",
        "NOTIFYHUB_SECRET_KEY": SECRET_KEY,
        "NOTIFYHUB_BOOTSTRAP_API_KEY": API_KEY,
    }  # fmt: skip


def _wait_until_ready(product: Product) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while not product.is_ready():
        if product.process.poll() is not None:
            raise RuntimeError(f"notifyhub dev ended with status {product.process.returncode}:\n{product.tail()}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"notifyhub dev was not ready after {READY_TIMEOUT:.0f} s:\n{product.tail()}")
        time.sleep(0.1)
