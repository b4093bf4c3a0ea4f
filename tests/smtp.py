"""An SMTP server on a real socket that keeps what it is given, and refuses what it is told to."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Mail(NamedTuple):
    to: str
    sender: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)  # type: ignore[return-value]

    @property
    def text(self) -> str:
        return self.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    @property
    def html(self) -> str:
        return self.message.get_body(("html",)).get_content()  # type: ignore[union-attr]


class Server:
    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.replies: dict[str, list[str]] = {}
        self.controller: Controller | None = None

    def __enter__(self) -> Server:
        self.controller = Controller(self, hostname="127.0.0.1", port=0, enable_SMTPUTF8=True, data_size_limit=0)
        self.controller.port = _free_port()
        self.controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.controller is not None
        self.controller.stop()

    @property
    def url(self) -> str:
        assert self.controller is not None
        return f"smtp://127.0.0.1:{self.controller.port}?tls=none"

    def reset(self) -> None:
        self.mails.clear()
        self.replies.clear()

    def refuse(self, address: str, *replies: str) -> None:
        """Answers RCPT for this address with these, one after the other; then accepts."""
        self.replies[address] = list(replies)

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if mail.to == address]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]) -> str:
        if self.replies.get(address):
            return self.replies[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        for to in envelope.rcpt_tos:
            self.mails.append(Mail(to, envelope.mail_from or "", bytes(envelope.content or b"")))
        return "250 2.0.0 kept"


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
