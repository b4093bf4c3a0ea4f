from __future__ import annotations

import uuid
from datetime import datetime

from flask import current_app

from notifyhub import abuse, chat, deliveries, drain, idempotency, relay, response_times, signins, tallies, wake
from notifyhub.announcements import fan_out
from notifyhub.channels import CARRIED
from notifyhub.chat import lapsing
from notifyhub.database import clock, reading, transaction
from notifyhub.events import accepting
from notifyhub.intake import receiving
from notifyhub.jobs import job
from notifyhub.logs import log
from notifyhub.tickets import promise

PRUNED = (abuse, accepting, chat, idempotency, receiving, signins)  # what they keep for a time only


@job("sweep")
def run() -> None:
    """Finds what a lost wake-up, a dead worker or a passed back-off left lying."""
    drain.settle_dead_journals(current_app.extensions["settings"])
    with transaction() as session:
        now = clock(session)
        deliveries.release_lapsed(session)
        for subject in PRUNED:
            subject.prune(session, now)
    with transaction() as session:
        tallies.fold(session)
    with reading() as session:
        unfinished = fan_out.unfinished(session)
        mails = receiving.waiting(session, now, 1)
        unanswered = promise.due(session, now)
        lapsed = lapsing.due(session, now)
        due = not relay.paused(session) and any(deliveries.due(session, channel) for channel in CARRIED)
    for announcement_id, number in unfinished:
        wake.now("fan_out", str(announcement_id), number)
    if mails:
        wake.now("intake")
    for ticket_id in unanswered:
        with transaction() as session:
            promise.alert(session, ticket_id, now)
    for chat_id in lapsed:
        _lapse(chat_id, now)
    if due:
        wake.now("drain")
    _measure(now)


def _measure(now: datetime) -> None:
    with reading() as session:
        measured = response_times.measure(session, now) if response_times.due(session, now) else {}
    if measured:
        with transaction() as session:
            response_times.keep(session, measured, now)


def _lapse(chat_id: uuid.UUID, now: datetime) -> None:
    """One that cannot be seen to does not keep the others waiting."""
    settings = current_app.extensions["settings"]
    try:
        with transaction() as session:
            lapsing.lapse(session, chat_id, settings.chat_patience, settings.ticket_promise_minutes, now)
    except Exception:
        log.exception("a conversation that nobody answered, and that cannot be seen to", id=str(chat_id))
        with transaction() as session:
            lapsing.put_off(session, chat_id, now)
