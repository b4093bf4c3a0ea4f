"""What a channel is to everyone else.

A channel whose deliveries need carrying names a carrier. A carrier takes letters, tries each once, and reports what became of
it, in the product's own words: nobody outside of the channel knows an SMTP code.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, NamedTuple, Protocol

from notifyhub.config import Settings


class Letter(NamedTuple):
    """One delivery, ready to go. The bytes are made when a connection is free for them."""

    delivery_id: uuid.UUID
    address: str
    envelope_sender: str
    content: Callable[[], bytes]
    deadline: float = float("inf")  # time.monotonic() after which it is not begun any more: its lease ends
    lane: int = 0  # a smaller number goes first


class Report(NamedTuple):
    """What became of one letter.

    accepted   the next hop has taken it over
    deferred   refused for now: it counts as a try, and waits for its back-off
    refused    refused for good; `mailbox_gone` says that the mailbox itself does not exist or is disabled
    unsent     nothing was learned about this letter, because the connection or the relay failed: costs it nothing
    """

    delivery_id: uuid.UUID
    outcome: Literal["accepted", "deferred", "refused", "unsent"]
    reply: str
    mailbox_gone: bool = False


Tell = Callable[[Report], None]
Keep = Callable[[uuid.UUID, str], None]
"""Puts on record outside of this process that the next hop took a delivery over, with its reply. A carrier calls it before
anything else goes out on that connection."""


class Carrier(Protocol):
    def send(self, letters: Sequence[Letter], tell: Tell, keep: Keep) -> Awaitable[None]:
        """One report for each letter, in any order; then it is done. May be called again meanwhile: the more urgent go first.

        Raises RelayDown, once all are reported, when nothing can be sent at present.
        """
        ...


class RelayDown(Exception):
    """The next hop cannot be used now, whoever the letters are for."""


def no_answer(reply: str) -> str:
    return ""


class Channel(NamedTuple):
    carrier: Callable[[Settings], AbstractAsyncContextManager[Carrier]] | None
    answer_class: Callable[[str], str] = no_answer
    """What kind of answer of the next hop a reply is, in one of a few dozen words; nothing where it is none."""
