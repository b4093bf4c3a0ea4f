"""What the relay has accepted, on record outside of the process that sent it.

Each claim has a file for itself, which its process writes to and holds a lock on. When it is killed between the relay's 250 and
its own commit, whoever lives on that host finds the file unlocked, and settles it before the leases are given to anyone else.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple


class Accepted(NamedTuple):
    delivery_id: uuid.UUID
    token: uuid.UUID
    at: datetime
    reply: str


class Dead(NamedTuple):
    """The journal of a process that is gone."""

    path: Path
    tokens: list[uuid.UUID]  # of its claim; none where the file was cut off before
    accepted: list[Accepted]


class Journal:
    """What becomes of one claim after another. Lines are written into memory that is the file's: they outlive the process, without
    a system call for each."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{uuid.uuid4()}.log"
        # made under a name that settling passes over, so that nobody finds it before it is locked
        draft = self.path.with_suffix(".new")
        self.file = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.file, fcntl.LOCK_EX)
        draft.rename(self.path)
        self.room = self.end = 0  # octets

    def begin(self, token: uuid.UUID) -> None:
        """From here on it is of this claim. Raises OSError on a full disk."""
        self.token = token.hex.encode()
        self._append(b"claim %s\n" % self.token)

    def accepted(self, delivery_id: uuid.UUID, reply: str) -> None:
        at = datetime.now(UTC).isoformat()
        line = f"{delivery_id.hex} {at} {reply}".replace("\n", " ").encode("utf-8", "replace")
        self._append(b"sent %s %s\n" % (self.token, line))

    def _append(self, line: bytes) -> None:
        end = self.end + len(line)
        while end > self.room:
            self._make_room()
        self.memory[self.end : end] = line
        self.end = end

    def _make_room(self) -> None:
        """Zeros, which no reader takes for a line. They are written, not left out, so that a full disk is an error here: where
        memory has no room on the disk, writing into it ends the process."""
        if os.pwrite(self.file, bytes(ROOM), self.room) < ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room += ROOM
        self.memory = mmap.mmap(self.file, self.room)

    def settled(self) -> None:
        """All of it is committed."""
        self.memory[: self.end] = bytes(self.end)
        self.end = 0

    def close(self) -> None:
        """What could not be committed stays on record, for whoever settles what the dead left."""
        if self.room:
            self.memory.close()  # which holds the lock too
        if not self.end:
            self.path.unlink(missing_ok=True)
        os.close(self.file)


class Journals:
    """Of one process. To use one again costs a tenth of making a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.free: list[Journal] = []

    def take(self) -> Journal:
        return self.free.pop() if self.free else Journal(self.folder)

    def settled(self, journal: Journal) -> None:
        journal.settled()
        self.free.append(journal)

    def close(self) -> None:
        """Those that are free."""
        while self.free:
            self.free.pop().close()


ROOM = 64 * 1024  # octets, of some 500 lines


@contextlib.contextmanager
def dead(path: Path) -> Iterator[Dead | None]:
    """The journal of a dead process, held while it is settled and removed after; None when its process lives, or another was first."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "rb"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, FileNotFoundError):
            yield None
            return
        yield _read(path, file.read())
        path.unlink(missing_ok=True)


def _read(path: Path, data: bytes) -> Dead:
    tokens, accepted = [], []
    for line in data.split(b"\n")[:-1]:  # what follows the last end of a line is room, or a line that was never finished
        with contextlib.suppress(ValueError):  # a full disk may have cut off others too
            word, token, *rest = line.decode("utf-8", "replace").split(" ", 4)
            if word == "claim":
                tokens.append(uuid.UUID(token))
            else:
                delivery, at, *reply = rest
                accepted.append(Accepted(uuid.UUID(delivery), uuid.UUID(token), datetime.fromisoformat(at), "".join(reply)))
    return Dead(path, tokens, accepted)


def paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.log"))
