"""Who really asks: behind a reverse proxy that is trusted, the client that it names. Limits and the audit log stand on it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from notifyhub.config import Network

Environ = dict[str, Any]


class BehindProxies:
    """WSGI. Werkzeug's ProxyFix believes whoever connects; this one believes those it was told to."""

    def __init__(self, app: Callable[[Environ, Any], Iterable[bytes]], trusted: Sequence[Network]) -> None:
        self.app, self.trusted = app, trusted

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        hops = [environ.get("REMOTE_ADDR", ""), *reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(","))]
        environ["REMOTE_ADDR"] = client(hops, self.trusted)
        return self.app(environ, start_response)


def client(hops: Sequence[str], trusted: Sequence[Network]) -> str:
    """The nearest hop that is no trusted proxy; what it says itself about those before it proves nothing."""
    found = hops[0]
    for hop in hops:
        try:
            address = ipaddress.ip_address(hop.strip())
        except ValueError:
            break
        found = str(address)
        if not any(address in network for network in trusted):
            break
    return found
