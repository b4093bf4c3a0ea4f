"""Documents with good defaults, so that a test names only what it is about."""

from __future__ import annotations

import itertools
from typing import Any

orders = itertools.count(100_000)


def service(**changes: Any) -> dict[str, Any]:
    number = next(orders)
    return {
        "order_number": f"#{number}",
        "name": f"vps-{number}.example.net",
        "product": "vps",
        "location": "fra1",
        "node": "fra1-n1",
        "addresses": [],
        "status": "active",
    } | changes


def account(**changes: Any) -> dict[str, Any]:
    return {
        "registered_email": "owner@one.example",
        "name": "One Ltd",
        "locale": "en",
        "time_zone": "Europe/Istanbul",
        "services": [service()],
    } | changes


def draft(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "maintenance",
        "impact": "outage",
        "starts_at": "2027-03-28T00:30:00+00:00",
        "ends_at": "2027-03-28T04:00:00+00:00",
        "content": {"en": {"title": "Network maintenance", "body": "We replace **core switches**."}},
        "audience": {"locations": ["fra1"]},
    } | changes
