"""Drains what is due: claims a little, renders it, hands it over, writes down what became of it; again and again for a while.

Two claims are under way at a time: while the letters of one go out, the next is read and the last is written down, in a thread
of its own, so that the wire never waits for the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

from flask import Flask, current_app

from notifyhub import deliveries, journal, letters, relay, wake
from notifyhub.channels import CHANNELS
from notifyhub.channels.contract import Carrier, Letter, RelayDown, Report
from notifyhub.config import Settings
from notifyhub.database import db, reading, transaction
from notifyhub.deliveries import Claimed
from notifyhub.journal import Journal, Journals
from notifyhub.logs import log

T = TypeVar("T")

CLAIM_SECONDS = 0.05  # on the wire; with what the database needs for it, a more urgent delivery waits about twice as long
WORTHWHILE = 150  # letters: beside them a claim costs as much as fifty do, so that a slower wire gets up to twice the time
FEWEST, FIRST, MOST = 20, 100, 2000
UNDER_WAY = 2  # claims
LINGER_SECONDS = 2.0  # with open connections, once there is nothing: steady traffic pays for no connection set-up
LINGER_STEP = 0.01  # while something is under way
REST_SECONDS = 0.1
TOO_LATE = "not sent: it came too late to be of use"


class Batch(NamedTuple):
    """One claim, and all that is needed to carry it."""

    token: uuid.UUID
    claimed: dict[uuid.UUID, Claimed]
    letters: list[Letter]
    too_late: list[uuid.UUID]
    wait: float  # seconds, until the relay's rate allows it
    full: bool  # there may be more that is due
    record: Journal


class Pace:
    """How many letters to claim, by how fast they have been leaving: CLAIM_SECONDS of work, or a little more."""

    def __init__(self) -> None:
        self.size, self.last = FIRST, time.monotonic()

    def note(self, count: int) -> None:
        now = time.monotonic()
        usual = int(count * CLAIM_SECONDS / max(now - self.last, 1e-3))
        size = max(usual, min(2 * usual, WORTHWHILE))
        self.size, self.last = max(FEWEST, min(MOST, (self.size + size) // 2)), now


async def drain(settings: Settings, channel: str, stop: Callable[[], bool]) -> bool:
    """Works until there is nothing, or until `stop`, which is asked before each claim. Answers whether it ended for want of work."""
    open_carrier = CHANNELS[channel].carrier
    assert open_carrier is not None
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    db.session.remove()  # from here on the thread has the database; SQLite would let nobody write beside an open transaction
    journals = Journals(journal_folder(settings))
    with contextlib.closing(journals), ThreadPoolExecutor(1, "database", app.app_context().push) as thread:
        try:
            async with open_carrier(settings) as carrier:
                return await _Drain(settings, channel, stop, carrier, thread, journals).run()
        finally:
            thread.submit(db.session.remove).result()


class _Drain:
    def __init__(
        self, settings: Settings, channel: str, stop: Callable[[], bool], carrier: Carrier, thread: ThreadPoolExecutor, journals: Journals
    ) -> None:
        self.settings, self.channel, self.stop, self.carrier, self.thread = settings, channel, stop, carrier, thread
        self.journals = journals
        self.name = uuid.uuid4().hex
        self.pace = Pace()
        self.under_way: set[asyncio.Task[None]] = set()
        self.look = True  # there may be something due
        self.down: RelayDown | None = None

    async def run(self) -> bool:
        others_called, idle_since = False, time.monotonic()
        try:
            while not self.stop():
                looks = self.look and self._has_room()
                batch = await self._in_thread(_claim, self.settings, self.journals, self.channel, self.pace.size) if looks else None
                if batch is not None:
                    self.under_way.add(asyncio.create_task(self._deliver(batch)))
                    if len(batch.claimed) == self.pace.size and not others_called:
                        others_called = wake.now("drain")  # more than one claim of work: an idle worker may help
                    idle_since, self.look = time.monotonic(), batch.full
                    continue
                self.look = self.look and not looks
                if self.under_way:
                    await self._some_ended(LINGER_STEP if self._has_room() else None)
                    idle_since = time.monotonic()
                    if self.down:
                        break
                lingering = await self._in_thread(wake.linger, "drain", self.name)
                self.look = self.look or lingering.asked
                if not self.look and not self.under_way:
                    if not lingering.may_stay or time.monotonic() - idle_since > LINGER_SECONDS:
                        return True
                    self.look = await self._in_thread(wake.rest, "drain", REST_SECONDS)
        finally:
            await self._all_ended()
        if self.down is not None:
            log.warning("the relay cannot be used now", reason=str(self.down))
            await self._in_thread(_rest, str(self.down))
        return self.down is not None

    def _has_room(self) -> bool:
        return len(self.under_way) < UNDER_WAY

    async def _some_ended(self, timeout: float | None) -> None:
        ended, self.under_way = await asyncio.wait(self.under_way, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        self._look_at(ended)

    async def _all_ended(self) -> None:
        """Whatever went wrong with one claim: the letters of the other are on their way, and what becomes of them is written down."""
        if self.under_way:
            ended, self.under_way = await asyncio.wait(self.under_way)
            self._look_at(ended)

    def _look_at(self, ended: set[asyncio.Task[None]]) -> None:
        failures = [error for task in ended if (error := task.exception())]
        for error in failures:
            if not isinstance(error, RelayDown):
                raise error
            self.down = error

    async def _deliver(self, batch: Batch) -> None:
        """Raises RelayDown, with what was claimed settled or given back."""
        reports = [Report(id, "refused", TOO_LATE) for id in batch.too_late]
        try:
            await asyncio.sleep(batch.wait)
            await self._carry(batch, reports)
        finally:
            if len(reports) < len(batch.claimed):
                reported = {report.delivery_id for report in reports}
                reports += [Report(id, "unsent", "") for id in batch.claimed if id not in reported]
            await self._in_thread(_settle, self.settings, self.journals, batch, reports)
        self.pace.note(len(reports))
        unsent = [report for report in reports if report.outcome == "unsent"]
        if len(unsent) == len(reports):
            raise RelayDown(reports[0].reply)
        if unsent:
            self.look = True  # they are due as before

    async def _carry(self, batch: Batch, reports: list[Report]) -> None:
        """Collects the reports, and renews the lease as long as the relay takes."""
        carrying = asyncio.ensure_future(self.carrier.send(batch.letters, reports.append, batch.record.accepted))
        while not carrying.done():
            await asyncio.wait({carrying}, timeout=deliveries.LEASE.total_seconds() / 3)
            if not carrying.done():
                await self._renew(batch)
        await carrying

    async def _renew(self, batch: Batch) -> None:
        try:
            await self._in_thread(_renew, batch.token)
        except Exception as error:  # what is on its way cannot be called back; there is time for another try, and nothing is begun late
            log.warning("a lease could not be renewed", error=str(error))

    async def _in_thread(self, act: Callable[..., T], *values: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.thread, act, *values)


# --- in the database's thread -----------------------------------------------------------------------------------------


def _claim(settings: Settings, journals: Journals, channel: str, size: int) -> Batch | None:
    token = uuid.uuid4()
    with contextlib.ExitStack() as unfinished:
        with transaction() as session:
            size = relay.at_once(size, settings.smtp_rate)
            now, claimed = deliveries.claim(session, channel, size, token)
            if not claimed:
                return None
            wait = relay.reserve(session, len(claimed), settings.smtp_rate)
            told = letters.read(session, claimed)
            record = journals.take()
            unfinished.callback(record.close)  # if this goes wrong, the claim is given back by whoever settles what the dead left
            record.begin(token)  # before the commit: a claim that nobody knows of would keep its lease
        too_late = [delivery.id for delivery in claimed if deliveries.too_late(delivery, now)]
        in_time = [delivery for delivery in claimed if not deliveries.too_late(delivery, now)]
        with reading() as session:
            written = letters.write(session, settings, in_time, told, now)
        unfinished.pop_all()
    by_id = {delivery.id: delivery for delivery in claimed}
    return Batch(token, by_id, written, too_late, wait, len(claimed) == size, record)


def _settle(settings: Settings, journals: Journals, batch: Batch, reports: list[Report]) -> None:
    try:
        with transaction() as session:
            deliveries.settle(session, batch.token, batch.claimed, reports, settings.retry_after)
            relay.answered(session, [report for report in reports if report.delivery_id not in batch.too_late])
    except BaseException:
        batch.record.close()
        raise
    journals.settled(batch.record)


def _renew(token: uuid.UUID) -> None:
    with transaction() as session:
        deliveries.renew(session, token)


def _rest(reason: str) -> None:
    with transaction() as session:
        relay.failed(session, reason)


def journal_folder(settings: Settings) -> Path:
    return settings.run_dir / "accepted"


def settle_dead_journals(settings: Settings) -> None:
    """What processes of this host had handed over and could not write down any more; the rest of their claims is free again."""
    for path in journal.paths(journal_folder(settings)):
        with journal.dead(path) as found:
            if found is None or not (found.tokens or found.accepted):
                continue
            with transaction() as session:
                deliveries.record_accepted(session, found.accepted)
                for token in found.tokens:
                    deliveries.release(session, token)
            log.warning("settled what a dead process had sent", sent=len(found.accepted))
