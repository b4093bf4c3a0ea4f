"""The client-area inbox. The notification's own row is the delivery: committed, it has arrived."""

from __future__ import annotations

from typing import Any

from notifyhub.channels.contract import Channel
from notifyhub.routing import INBOX_REASONS

CHANNEL = Channel(carrier=None)


def arrived(rule: int | None) -> list[dict[str, Any]]:
    """As a delivery is shown. `rule` is the one of the policy that put it into the inbox, None where it is not there."""
    if rule is None:
        return []
    return [{"channel": "inbox", "address": None, "state": "sent", "reason": INBOX_REASONS[rule]}]
