"""Mail, handed to the provider's relay."""

from __future__ import annotations

from notifyhub.channels.contract import Channel
from notifyhub.channels.email import replies
from notifyhub.channels.email.carrier import open_carrier

CHANNEL = Channel(carrier=open_carrier, answer_class=replies.answer_class)
