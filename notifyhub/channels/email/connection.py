"""A connection to the relay, as aiosmtplib sets it up: greeting, TLS, AUTH; LMTP too."""

from __future__ import annotations

import socket
from typing import Any

import aiosmtplib

from notifyhub.channels.contract import RelayDown
from notifyhub.config import Relay

COMMAND_SECONDS = 60
DATA_SECONDS = 600  # RFC 5321 section 4.5.3.2.6: a server may think for ten minutes at the final dot


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


async def hand_over(client: aiosmtplib.SMTP, sender: str, recipient: str, content: bytes) -> aiosmtplib.SMTPResponse:
    """One message. Answers the reply to its final dot, or the first that refused the recipient or the message.

    Raises SMTPResponseException for what is the relay's failure: its refusal of MAIL, and 421 to anything. The commands are
    written here because aiosmtplib's own methods parse each address and look through each message for bare line ends, which
    takes longer than sending; addresses and messages of ours are well formed.
    """
    options = () if recipient.isascii() else (b"SMTPUTF8", b"BODY=8BITMIME")
    response = await client.execute_command(b"MAIL", _path(b"FROM", sender), *options)
    if response.code != 250:
        raise aiosmtplib.SMTPSenderRefused(response.code, response.message, sender)
    for command, going_on in (((b"RCPT", _path(b"TO", recipient)), (250, 251)), ((b"DATA",), (354,))):
        response = _alive(await client.execute_command(*command))
        if response.code not in going_on:
            return response
    if client.protocol is None:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")
    client.protocol.write(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")  # RFC 5321 section 4.5.2
    return _alive(await client.protocol.read_response(timeout=DATA_SECONDS))


def _alive(response: aiosmtplib.SMTPResponse) -> aiosmtplib.SMTPResponse:
    if response.code == 421:
        raise aiosmtplib.SMTPResponseException(response.code, response.message)
    return response


def fits_envelope(address: str) -> bool:
    """Nothing in it could end its path, or its line."""
    return address.isprintable() and not set("<> ") & set(address)


def _path(word: bytes, address: str) -> bytes:
    return word + b":<" + address.encode() + b">"


def _own_name(sender_domain: str) -> str:
    name = socket.gethostname()
    return name if "." in name and name.isascii() else sender_domain
