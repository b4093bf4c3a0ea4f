"""Hands letters to the relay over a few kept connections: whoever is free takes the most urgent one."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence

from notifyhub import dkim
from notifyhub.channels import refusals
from notifyhub.channels.contract import Keep, Letter, RelayDown, Report, Tell
from notifyhub.channels.email.connection import connect
from notifyhub.channels.email.pipeline import Conversation, Transfer, after_data
from notifyhub.config import Settings
from notifyhub.logs import log

REST_SECONDS = 5.0  # before another connection is tried, while some work
AHEAD, AHEAD_SECONDS = 64, 0.02  # letters that are made in one go; signatures and large files take their time


class Batch:
    """Letters that were given in one go, until each has its report."""

    def __init__(self, count: int, tell: Tell) -> None:
        self.left, self.tell = count, tell
        self.failure: BaseException | None = None
        self.done = asyncio.get_running_loop().create_future()
        self._end_if_done()

    def report(self, report: Report) -> None:
        self.tell(report)
        self.left -= 1
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self.left or self.done.done():
            return
        if self.failure is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(self.failure)


class EmailCarrier:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sign = dkim.signer(settings.dkim)
        self.queue: list[tuple[int, int, Transfer]] = []  # by lane, then in order
        self.made: deque[Transfer] = deque()  # those that are next
        self.numbers = itertools.count()
        self.batches: set[Batch] = set()
        self.conversations: set[Conversation] = set()
        self.connecting: set[asyncio.Task[None]] = set()
        self.rests_until = 0.0
        self.recent = ""

    async def send(self, letters: Sequence[Letter], tell: Tell, keep: Keep) -> None:
        def report(report: Report) -> None:
            batch.report(report)
            self._watch(report)

        batch = Batch(len(letters), tell)
        self.batches.add(batch)
        for letter in letters:
            self.give_back(Transfer(letter, report, keep))
        self._set_to_work()
        try:
            await batch.done
        finally:
            self.batches.discard(batch)

    def _watch(self, report: Report) -> None:
        """Stops by itself, since much may be refused before all workers have settled on it."""
        if report.outcome == "accepted" and not self.recent:
            return  # as nearly always
        self.recent = refusals.noted(self.recent, (report,))
        if report.outcome == "refused" and refusals.too_many(self.recent):
            self.recent = ""
            self._give_up(RelayDown(refusals.WHY))

    def take(self) -> Transfer | None:
        """The most urgent one."""
        if self._has_more_urgent():
            self._make_some()
        return self.made.popleft() if self.made else None

    def _has_more_urgent(self) -> bool:
        """Than those that are made."""
        return bool(self.queue) and (not self.made or self.queue[0][0] < self.made[0].letter.lane)

    def _make_some(self) -> None:
        """One after the other they take a third less time than each between two looks at the wire: the processor's caches stay warm."""
        until, some = time.monotonic() + AHEAD_SECONDS, list[Transfer]()
        while self._has_more_urgent() and len(some) < AHEAD and (not some or time.monotonic() < until):
            transfer = heapq.heappop(self.queue)[2]
            try:
                transfer.content = after_data(self.sign(transfer.letter.content()))
            except Exception as error:
                transfer.failure = error
            some.append(transfer)
        self.made.extendleft(reversed(some))

    def give_back(self, transfer: Transfer) -> None:
        heapq.heappush(self.queue, (transfer.letter.lane, next(self.numbers), transfer))

    def _set_to_work(self) -> None:
        for conversation in list(self.conversations):
            conversation.go()
        working = len(self.conversations) + len(self.connecting)
        if working and time.monotonic() < self.rests_until:
            return
        for _ in range(min(self.settings.smtp_connections - working, len(self.made) + len(self.queue))):
            task = asyncio.create_task(self._connect())
            self.connecting.add(task)
            task.add_done_callback(self.connecting.discard)

    async def _connect(self) -> None:
        try:
            client = await connect(self.settings.relay, self.settings.brand.mail_domain)
            conversation = Conversation(client, self)
        except Exception as error:
            self.connecting.discard(asyncio.current_task())
            if not isinstance(error, RelayDown):  # a bug of ours: whoever waits must hear of it all the same
                log.exception("a connection could not be set up")
            self._failed(str(error) or type(error).__name__)
            return
        self.conversations.add(conversation)
        conversation.go()

    def ended(self, conversation: Conversation, why: str) -> None:
        self.conversations.discard(conversation)
        if conversation.broken is not None:
            self._give_up(conversation.broken)
        elif conversation.refused and not conversation.taken_over:
            self._failed(why)
        else:
            if why:
                log.info("a connection to the relay ended", reason=why, taken_over=conversation.taken_over)
            self._set_to_work()

    def _failed(self, why: str) -> None:
        """The others go on without it; where there is none, the relay cannot be used now."""
        self.rests_until = time.monotonic() + REST_SECONDS
        if not self.conversations and not self.connecting:
            self._give_up(RelayDown(why))

    def _give_up(self, failure: BaseException) -> None:
        for batch in self.batches:
            batch.failure = failure
        waiting = [*self.made, *(transfer for *_, transfer in self.queue)]
        self.made.clear()
        self.queue.clear()
        for transfer in waiting:
            transfer.report(Report(transfer.id, "unsent", str(failure)))

    async def close(self) -> None:
        for task in self.connecting:
            task.cancel()
        for conversation in list(self.conversations):
            conversation.quit()
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def open_carrier(settings: Settings) -> AsyncIterator[EmailCarrier]:
    carrier = EmailCarrier(settings)
    try:
        yield carrier
    finally:
        await carrier.close()
