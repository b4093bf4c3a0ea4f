"""A mail server that keeps a record of what it took over, and goes wrong as it is told while it runs.

`python -m tests.faults.relay RECORD CONTROL` prints its ports. RECORD is that of `benchmarks.sink`. CONTROL is a Unix socket: one JSON
object a line changes what stands in Behaviour, and is answered by how often each fault has struck so far, and who is busy now.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import uvloop

from benchmarks.expected import recorded
from benchmarks.processes import end_with_parent, stop
from benchmarks.sink import Policy, Sink

ROOT = Path(__file__).parents[2]
CUT = b""  # in place of a reply: the line is dropped here
BUSY = b"421 4.3.2 closing the channel\r\n"
PORTS = 2
BUSY_AT = ("MAIL", "dot", "RCPT", "DATA")  # in turn


@dataclass(frozen=True)
class Behaviour:
    listening: bool = True  # otherwise new connections are refused, and the open ones sent away by 421
    delay: float = 0.0  # seconds before each answer
    deferred: int = 0  # one in so many recipients is put off by 451 at its first try
    refused: int = 0  # one in so many does not exist: 550
    # so many of what comes, one in `every`, until they are used up
    every: int = 7
    cut_in_data: int = 0  # the line is dropped while a message comes in
    cut_after_dot: int = 0  # taken over and on record, but the line is dropped in place of the 250
    busy: int = 0  # 421, at one point of the dialogue after the other


def is_refused(recipient: str, one_in: int) -> bool:
    """By its address alone, so that who looks on can work it out too."""
    return one_in > 0 and zlib.crc32(b"refused " + recipient.encode()) % one_in == 0


def is_deferred(recipient: str, one_in: int) -> bool:
    return one_in > 0 and zlib.crc32(b"deferred " + recipient.encode()) % one_in == 0


class State:
    """What all connections share."""

    def __init__(self, record: BinaryIO) -> None:
        self.record = record
        self.behaviour = Behaviour()
        self.tries: Counter[bytes] = Counter()
        self.seen: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.connections: set[Relay] = set()

    def strikes(self, fault: str) -> bool:
        """Whether it is this one's turn to meet this fault."""
        left = getattr(self.behaviour, fault)
        if left <= 0:
            return False
        self.seen[fault] += 1
        if self.seen[fault] % self.behaviour.every:
            return False
        self.behaviour = replace(self.behaviour, **{fault: left - 1})
        self.struck[fault] += 1
        return True


class Relay(Sink):
    def __init__(self, state: State) -> None:
        super().__init__(Policy(), state.record, state.tries)
        self.state = state
        self.cut = ""  # what the message that comes now will meet
        self.leaving = False  # it reads no more, and hangs up once all is said

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.state.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.state.connections.discard(self)

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])

    def data_received(self, data: bytes) -> None:
        if self.leaving:
            return
        if self.in_data and self.cut == "cut_in_data":
            self.answer([CUT])
            return
        super().data_received(data)

    def command(self, line: bytes) -> bytes:
        if not self.state.behaviour.listening or self.is_busy_at(line[:4].decode(errors="replace").upper()):
            return BUSY
        reply = super().command(line)
        if reply.startswith(b"354"):
            self.cut = next((fault for fault in ("cut_in_data", "cut_after_dot") if self.state.strikes(fault)), "")
        return reply

    def is_busy_at(self, point: str) -> bool:
        return point == BUSY_AT[self.state.struck["busy"] % len(BUSY_AT)] and self.state.strikes("busy")

    def rcpt(self, line: bytes) -> bytes:
        reply = super().rcpt(line)
        if not reply.startswith(b"250"):
            return reply
        recipient, behaviour = self.recipients[-1], self.state.behaviour
        text = recorded(recipient.decode("utf-8", "surrogateescape"))
        if is_refused(text, behaviour.refused):
            return self.without_recipient("refused", b"550 5.1.1 no such mailbox\r\n")
        self.tries[recipient] += 1
        if self.tries[recipient] == 1 and is_deferred(text, behaviour.deferred):
            return self.without_recipient("deferred", b"451 4.7.1 come back later\r\n")
        return reply

    def without_recipient(self, fault: str, reply: bytes) -> bytes:
        self.recipients.pop()
        self.state.struck[fault] += 1
        return reply

    def take_message(self, buffer: bytes, at: int, stop: int, lines: list[bytes]) -> bytes:
        if self.is_busy_at("dot"):
            return BUSY
        if self.state.behaviour.delay >= 1:
            self.state.struck["late"] += 1
        reply = super().take_message(buffer, at, stop, lines)
        return CUT if self.cut == "cut_after_dot" else reply

    def answer(self, replies: list[bytes]) -> None:
        """Nothing is said after a 421 or a cut."""
        for place, reply in enumerate(replies):
            if reply in (CUT, BUSY):
                self.leaving, replies = True, replies[: place + 1]
                break
        self.policy = Policy(delay=self.state.behaviour.delay)
        super().answer(replies)

    def send(self, replies: bytes) -> None:
        super().send(replies)
        if self.leaving and not self.late:
            self.transport.close()


class Listener:
    """Ports, open or closed."""

    def __init__(self, state: State, count: int) -> None:
        self.state = state
        self.ports = [0] * count
        self.servers: list[asyncio.Server] = []

    async def follow(self) -> None:
        if self.state.behaviour.listening and not self.servers:
            self.servers = [await self._listen(port) for port in self.ports]
            self.ports = [server.sockets[0].getsockname()[1] for server in self.servers]
        elif not self.state.behaviour.listening:
            while self.servers:
                self.servers.pop().close()

    async def _listen(self, port: int) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: Relay(self.state), "127.0.0.1", port, backlog=512, reuse_address=True)


async def serve(record: BinaryIO, control: Path) -> None:
    state = State(record)
    listener = Listener(state, PORTS)

    async def obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            state.behaviour = replace(state.behaviour, **json.loads(line))
            await listener.follow()
            busy = Counter(str(connection.port) for connection in state.connections if connection.has_sender or connection.in_data)
            writer.write(json.dumps({"struck": state.struck, "busy": busy}).encode() + b"\n")

    await listener.follow()
    await asyncio.start_unix_server(obey, control)
    print(*listener.ports, flush=True)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


class Seen(NamedTuple):
    struck: Counter[str]  # how often each fault has
    busy: Counter[int]  # connections in the middle of a mail, by port


class Remote:
    """The relay, seen from the process that started it."""

    def __init__(self, ports: list[int], record: Path, control: BinaryIO) -> None:
        self.ports, self.record, self.control = ports, record, control

    def behave(self, **changes: Any) -> Seen:
        """Changes what it does from now on."""
        self.control.write(json.dumps(changes).encode() + b"\n")
        self.control.flush()
        answer = json.loads(self.control.readline())
        return Seen(Counter(answer["struck"]), Counter({int(port): count for port, count in answer["busy"].items()}))

    def behave_well(self, but_refuse: int = 0) -> None:
        self.behave(**asdict(Behaviour(refused=but_refuse)))

    def look(self) -> Seen:
        return self.behave()


@contextmanager
def running(folder: Path) -> Iterator[Remote]:
    record, control = folder / "accepted.tsv", folder / "control"
    command = [sys.executable, "-m", "tests.faults.relay", str(record), str(control)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, preexec_fn=end_with_parent(signal.SIGTERM))
    try:
        assert process.stdout
        ports = [int(port) for port in process.stdout.readline().split()]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(control))
            with connection.makefile("rwb") as stream:
                yield Remote(ports, record, stream)
    finally:
        stop(process, signal.SIGTERM, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("control", type=Path)
    options = parser.parse_args()
    with options.record.open("ab") as record:
        uvloop.run(serve(record, options.control))
    os._exit(0)  # open connections are of no interest any more


if __name__ == "__main__":
    main()
