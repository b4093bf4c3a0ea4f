"""Drains what is due: claims a little, renders it, hands it over, writes down what became of it; again and again for a while."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from notifyhub import deliveries, journal, letters, relay, wake
from notifyhub.channels import CHANNELS
from notifyhub.channels.contract import Carrier, Letter, RelayDown, Report
from notifyhub.config import Settings
from notifyhub.database import clock, reading, transaction
from notifyhub.journal import Journal
from notifyhub.logs import log

CLAIM_SECONDS = 0.1  # of work in one claim: a more urgent delivery waits no longer than that
FEWEST, MOST = 20, 1000
LINGER_SECONDS = 0.3  # with open connections, once there is nothing: steady traffic pays for no connection set-up
LINGER_STEP = 0.03


async def drain(settings: Settings, channel: str, stop: Callable[[], bool]) -> bool:
    """Works until there is nothing, or until `stop`, which is asked after each claim. Answers whether it ended for want of work."""
    open_carrier = CHANNELS[channel].carrier
    assert open_carrier is not None
    record = Journal(journal_folder(settings))
    size, others_called = 100, False
    idle_since: float | None = None
    try:
        async with open_carrier(settings, record.accepted) as carrier:
            while not stop():
                started = time.monotonic()
                try:
                    done = await _one_batch(settings, channel, size, carrier, record)
                except RelayDown as error:
                    log.warning("the relay cannot be used now", reason=str(error))
                    with transaction() as session:
                        relay.failed(session, str(error))
                    return True
                if done:
                    if done == size and not others_called:
                        others_called = wake.now("drain")  # more than one claim of work: an idle worker may help
                    size = max(FEWEST, min(MOST, int(done * CLAIM_SECONDS / (time.monotonic() - started))))
                    idle_since = None
                    continue
                idle_since = idle_since or started
                if time.monotonic() - idle_since > LINGER_SECONDS:
                    return True
                await asyncio.sleep(LINGER_STEP)
    finally:
        record.close()
    return False


async def _one_batch(settings: Settings, channel: str, size: int, carrier: Carrier, record: Journal) -> int:
    """Answers how many were tried. Raises RelayDown, with what was claimed settled or given back."""
    token = uuid.uuid4()
    with transaction() as session:
        if relay.paused(session):
            return 0
        claimed = deliveries.claim(session, channel, relay.at_once(size, settings.smtp_rate), token)
        if not claimed:
            return 0
        wait = relay.reserve(session, len(claimed), settings.smtp_rate)
        now = clock(session)
        record.claimed(token)  # before the commit: a claim that nobody knows of would keep its lease to the end
    by_id = {delivery.id: delivery for delivery in claimed}
    reports = [Report(id, "refused", TOO_LATE) for id, delivery in by_id.items() if deliveries.too_late(delivery, now)]
    try:
        with reading() as session:
            written = letters.write(session, settings, [delivery for delivery in claimed if not deliveries.too_late(delivery, now)], now)
        await asyncio.sleep(wait)
        await _carry(carrier, written, reports, token)
    finally:
        reported = {report.delivery_id for report in reports}
        reports += [Report(id, "unsent", "") for id in by_id if id not in reported]
        with transaction() as session:
            deliveries.settle(session, token, by_id, reports, settings.retry_after)
            if any(report.outcome == "accepted" for report in reports):
                relay.worked(session)
        record.settled()
    if all(report.outcome == "unsent" for report in reports):
        raise RelayDown(reports[0].reply)
    return len(claimed)


TOO_LATE = "not sent: it came too late to be of use"


async def _carry(carrier: Carrier, written: list[Letter], reports: list[Report], token: uuid.UUID) -> None:
    """Collects the reports, and renews the lease as long as the relay takes."""

    async def collect() -> None:
        async for report in carrier.carry(written):
            reports.append(report)

    carrying = asyncio.ensure_future(collect())
    while not carrying.done():
        await asyncio.wait({carrying}, timeout=deliveries.LEASE.total_seconds() / 3)
        if not carrying.done():
            with transaction() as session:
                deliveries.renew(session, token)
    await carrying


def journal_folder(settings: Settings) -> Path:
    return settings.run_dir / "accepted"


def settle_dead_journals(settings: Settings) -> None:
    """What processes of this host had handed over and could not write down any more; the rest of their claims is free again."""
    for path in journal.paths(journal_folder(settings)):
        with journal.dead(path) as found:
            if found is None:
                continue
            with transaction() as session:
                deliveries.record_accepted(session, found.accepted)
                for token in found.tokens:
                    deliveries.release(session, token)
            log.warning("settled what a dead process had sent", sent=len(found.accepted))
