"""Who asks from near: from this machine, or from the networks that the operator named."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import current_app, request

from notifyhub.config import Settings


def is_here() -> bool:
    """The Host too: a foreign page whose name resolves to 127.0.0.1 must not read mails. Nor may a proxy pass others on."""
    host = urlsplit(f"//{request.host}").hostname or ""
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-Ip"))
    return request.remote_addr in ("127.0.0.1", "::1") and host in ("127.0.0.1", "::1", "localhost") and not forwarded


def is_near() -> bool:
    settings: Settings = current_app.extensions["settings"]
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return is_here() or any(address in network for network in settings.metrics_networks)
