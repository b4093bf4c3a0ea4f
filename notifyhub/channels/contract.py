"""What a channel is to everyone else.

A channel whose deliveries need carrying names a carrier. A carrier takes letters, tries each once, and reports what became of
it, in the product's own words: nobody outside of the channel knows an SMTP code.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Literal, NamedTuple, Protocol

from notifyhub.config import Settings


class Stale(Exception):
    """Raised by a letter's content: it is to be claimed anew rather than begun now."""


class Letter(NamedTuple):
    """One delivery, ready to go. The bytes are made when a connection is free for them; making them may raise Stale."""

    delivery_id: uuid.UUID
    address: str
    envelope_sender: str
    content: Callable[[], bytes]


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


class Carrier(Protocol):
    def carry(self, letters: Iterable[Letter]) -> AsyncIterator[Report]:
        """One report for each letter, in any order. Raises RelayDown when nothing can be sent at present."""
        ...


class RelayDown(Exception):
    """The next hop cannot be used now, whoever the letters are for."""


Keep = Callable[[uuid.UUID, str], None]
"""Puts on record outside of this process that the next hop took a delivery over, with its reply. A carrier calls it before
anything else goes out on that connection."""


class Channel(NamedTuple):
    carrier: Callable[[Settings, Keep], AbstractAsyncContextManager[Carrier]] | None
