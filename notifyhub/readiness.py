"""What NotifyHub needs around it, and what of that is missing: a word and a sentence for each part."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import redis
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from notifyhub import migrations, relay, wake
from notifyhub.database import reading
from notifyhub.languages import N_, said

SILENT_AFTER = 60.0  # seconds: the scheduler asks for a sweep every five, and a worker runs it


Name = Literal["database", "redis", "relay", "workers", "scheduler"]
State = Literal["ok", "behind", "away", "paused", "held", "silent", "missing", "unknown"]


class Part(NamedTuple):
    name: Name
    state: State
    says: str
    until: datetime | None = None


def parts() -> list[Part]:
    """The database first: without it there is nothing else to say."""
    try:
        with reading() as session:
            database = _database(session)
            health = relay.health(session) if database.state == "ok" else None
    except SQLAlchemyError as error:
        return [
            Part("database", "away", said(N_("It cannot be reached (%(error)s). Nothing can be accepted."), error=type(error).__name__))
        ]
    return [database] if health is None else [database, *_around(health)]


def _database(session: Session) -> Part:
    version, wanted = migrations.there(session), migrations.newest()
    if version == wanted:
        return Part("database", "ok", N_("Reachable, with the tables of this version."))
    if version is None:
        return Part("database", "behind", N_("It has no tables: run `notifyhub db upgrade`."))
    return Part(
        "database",
        "behind",
        said(
            N_("Its tables are at %(version)s, this version needs %(wanted)s: run `notifyhub db upgrade`."), version=version, wanted=wanted
        ),
    )


def _around(health: relay.Health) -> list[Part]:
    try:
        wake.client().ping()
        seen = {process: wake.unseen_for(process) for process in ("worker", "scheduler")}
    except redis.RedisError as error:
        away = said(
            N_("It cannot be reached (%(error)s). Accepting goes on; what is accepted now is sent once it is back."),
            error=type(error).__name__,
        )
        unknown = N_("Not known while Redis is away.")
        return [Part("redis", "away", away), _relay(health), Part("workers", "unknown", unknown), Part("scheduler", "unknown", unknown)]
    return [Part("redis", "ok", N_("Reachable.")), _relay(health), _workers(seen["worker"]), _scheduler(seen["scheduler"])]


def _relay(health: relay.Health) -> Part:
    if health.held_until:
        says = said(
            N_("Mail is held back: it refused too many of the last mails for good, lastly with: %(reason)s"),
            reason=health.held_reason or "?",
        )
        return Part("relay", "held", says, health.held_until)
    if health.paused_until:
        says = said(
            N_("Left alone for a while. Failures in a row: %(count)s; the last: %(reason)s"),
            count=health.failures,
            reason=health.reason or "?",
        )
        return Part("relay", "paused", says, health.paused_until)
    if health.failures:
        says = said(N_("Tried again with the next mail. The last try failed: %(reason)s"), reason=health.reason or "?")
        return Part("relay", "away", says)
    return Part("relay", "ok", N_("No failure since it was last used."))


def _workers(silence: float | None) -> Part:
    if silence is None:
        return Part("workers", "missing", N_("None was seen in the last hour: nothing is sent until `notifyhub worker` runs."))
    if silence > SILENT_AFTER:
        return Part(
            "workers", "silent", said(N_("None has begun anything for %(seconds)s seconds: all are busy, or gone."), seconds=round(silence))
        )
    return Part("workers", "ok", N_("At work within the last minute."))


def _scheduler(silence: float | None) -> Part:
    if silence is None:
        return Part("scheduler", "missing", N_("It was not seen in the last hour: nothing is tried again until `notifyhub cron` runs."))
    if silence > SILENT_AFTER:
        return Part("scheduler", "silent", said(N_("Not heard of for %(seconds)s seconds."), seconds=round(silence)))
    return Part("scheduler", "ok", N_("Heard of within the last minute."))
