"""What is there for whoever sits at this machine, and for nobody else."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import abort, request


def is_caller() -> bool:
    """The Host too: a foreign page whose name resolves to 127.0.0.1 must not read mails. Nor may a proxy pass others on."""
    host = urlsplit(f"//{request.host}").hostname or ""
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-Ip"))
    return request.remote_addr in ("127.0.0.1", "::1") and host in ("127.0.0.1", "::1", "localhost") and not forwarded


def only() -> None:
    if not is_caller():
        abort(404)
