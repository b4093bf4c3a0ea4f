"""A mail server that does what its script says, one reply after the other, and hangs up where it says so."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

HANG_UP = "hang up"
INSIDE = "hang up inside of the message"
USUAL = {
    "greeting": "220 ready",
    "EHLO": "250-scripted\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES",
    "LHLO": "250 scripted",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "message": "250 2.0.0 taken",
    "RSET": "250 ok",
    "QUIT": "221 bye",
    "AUTH": "235 2.7.0 welcome",
}


class Taken(NamedTuple):
    sender: str
    to: str
    raw: bytes


class Scripted:
    """`script`: by command (or greeting, message), the replies for its first, second … time; then the usual one."""

    def __init__(self, ahead: int = 0, **script: list[str] | str) -> None:
        self.ahead = ahead  # before it answers so many messages, it wants to hear the envelope of the next one
        self.replies = {name: [replies] * 1000 if isinstance(replies, str) else list(replies) for name, replies in script.items()}
        self.lines: list[str] = []
        self.taken: list[Taken] = []
        self.connections = 0

    async def __aenter__(self) -> Scripted:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**24)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    @property
    def port(self) -> int:
        return int(self.server.sockets[0].getsockname()[1])

    def _reply(self, name: str) -> str:
        waiting = self.replies.get(name)
        return waiting.pop(0) if waiting else USUAL.get(name, "500 what?")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _message(self, reader: asyncio.StreamReader) -> bytes:
        raw = b""
        while not raw.endswith(b"\r\n.\r\n") and raw != b".\r\n":
            raw += await reader.readuntil(b"\r\n")
        return raw.removesuffix(b".\r\n")

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = to = ""
        name = "greeting"
        heard: list[bytes] = []
        while (reply := self._reply(name)) != HANG_UP:
            inside = name == "DATA" and reply == INSIDE
            writer.write(("354 go on" if inside else reply).encode() + b"\r\n")
            if inside:
                await reader.read(10)
                return
            if name == "QUIT" or reply.startswith("421"):
                return
            if name == "DATA" and reply.startswith("354"):
                raw = await self._message(reader)
                name = "message"
                if to and (self.replies.get(name) or [""])[0][:3] in ("", "250"):
                    self.taken.append(Taken(sender, to, raw))
                if self.ahead:
                    self.ahead -= 1
                    heard = [await reader.readuntil(b"\r\n") for _ in ("MAIL", "RCPT", "DATA")]
                continue
            line = (heard.pop(0) if heard else await reader.readuntil(b"\r\n")).decode().strip()
            self.lines.append(line)
            name = line.partition(" ")[0].upper()
            if name == "DATA" and not to and not self.replies.get("DATA"):
                self.replies["DATA"] = ["554 5.5.1 no valid recipients"]
            if name in ("MAIL", "RSET"):
                sender, to = line, ""
            elif name == "RCPT":
                to = line if (self.replies.get(name) or ["250"])[0].startswith("250") else ""
