"""The ways to a recipient: one file each, one small contract, and the table of what exists."""

from __future__ import annotations

from notifyhub.channels import email, inbox
from notifyhub.channels.contract import Channel

CHANNELS: dict[str, Channel] = {"inbox": inbox.CHANNEL, "email": email.CHANNEL}
CARRIED = tuple(name for name, channel in CHANNELS.items() if channel.carrier is not None)
