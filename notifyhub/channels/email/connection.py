"""A connection to the relay, as aiosmtplib sets it up: greeting, TLS, AUTH; LMTP too."""

from __future__ import annotations

import socket
from typing import Any

import aiosmtplib

from notifyhub.channels.contract import RelayDown
from notifyhub.config import Relay

COMMAND_SECONDS = 60


class LMTP(aiosmtplib.SMTP):
    """RFC 2033: the same but for its greeting. One recipient a message, so there is one answer after the dot too."""

    async def execute_command(self, *args: bytes, **options: Any) -> aiosmtplib.SMTPResponse:
        if args[0] == b"EHLO":
            args = (b"LHLO", *args[1:])
        return await super().execute_command(*args, **options)


async def connect(relay: Relay, sender_domain: str) -> aiosmtplib.SMTP:
    """Raises RelayDown."""
    required = relay.scheme == "smtps" or relay.tls == "starttls"
    kind = LMTP if relay.scheme == "lmtp" else aiosmtplib.SMTP
    client = kind(
        hostname=None if relay.socket_path else relay.host,
        port=None if relay.socket_path else relay.port,
        socket_path=relay.socket_path,
        username=relay.user,
        password=relay.password,
        local_hostname=_own_name(sender_domain),
        use_tls=relay.scheme == "smtps",
        start_tls={"starttls": True, "none": False, "offered": None}[relay.tls] if relay.scheme != "smtps" else False,
        # opportunistic TLS keeps out who only listens, whoever's certificate it is (RFC 7435); what is required is verified
        validate_certs=required,
        timeout=COMMAND_SECONDS,
    )
    try:
        await client.connect()
        await client.ehlo() if client.is_ehlo_or_helo_needed else None
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise RelayDown(f"{type(error).__name__}: {error}") from error
    return client


def _own_name(sender_domain: str) -> str:
    name = socket.gethostname()
    return name if "." in name and name.isascii() else sender_domain
