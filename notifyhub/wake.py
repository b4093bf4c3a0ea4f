"""Says "there is work", and "there is news". Only hints: the rows are the truth, and a sweep finds what a lost hint left lying."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import redis
from flask import Flask, current_app
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from notifyhub.logs import log

# Jobs by name, in the order in which an idle worker takes them.
JOBS = {
    "drain": "notifyhub.jobs.drain.run",
    "fan_out": "notifyhub.jobs.fan_out.run",
    "intake": "notifyhub.jobs.intake.run",
    "sweep": "notifyhub.jobs.sweep.run",
}
JOB_TIMEOUT = 900  # seconds; every job hands over to a fresh one long before, but a relay may take ten minutes over a last mail
PENDING_TTL = 30  # seconds until a wake-up that never ran is given up for lost
RUNNING_TTL = 3  # seconds that a running job is known to run without saying so again
SEEN_TTL = 3600  # seconds that it is remembered when a process was seen
LINGERS_MILLISECONDS = 500
NEWS = "notifyhub:news"
RESTS, BELL = "notifyhub:rests", "notifyhub:bell"

# Rings for the job that rests; answers whether one has to be enqueued. Where the same one was asked for before and none waits,
# it was taken a moment ago, perhaps by a worker that died with it.
ASK = """
local rests = redis.call('GET', KEYS[1])
if rests then
    redis.call('RPUSH', KEYS[2], ARGV[2])
    redis.call('PEXPIRE', KEYS[2], 5000)
    if rests == ARGV[2] then return 0 end
end
local new = redis.call('SET', KEYS[3], '1', 'NX', 'EX', ARGV[1])
return (new or redis.call('LLEN', KEYS[4]) == 0) and 1 or 0
"""


def init_app(app: Flask) -> None:
    url = app.extensions["settings"].redis_url
    app.extensions["redis"] = redis.from_url(
        url, socket_timeout=2, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0), health_check_interval=30
    )


def client() -> redis.Redis:
    connection: redis.Redis = current_app.extensions["redis"]
    return connection


def after_commit(session: Session, job: str, *ids: Any) -> None:
    """Enqueues the job once the session's transaction is committed; not at all if it is rolled back."""
    session.info.setdefault("wakes", {})[(job, *ids)] = None


def news_after_commit(session: Session, followed: Iterable[int | str]) -> None:
    """Tells whoever follows one of these to look again, once the transaction is committed: an inbox by the account's id,
    anything else by the name that its subject gave it."""
    session.info.setdefault("news", set()).update(followed)


def read_after_commit(session: Session, account_id: int, ids: Iterable[Any], read_at: str | None) -> None:
    """Tells whoever follows this inbox that items were read (or are unread again)."""
    session.info.setdefault("reads", []).append([account_id, [str(id) for id in ids], read_at])


@event.listens_for(Session, "after_commit")
def _fire(session: Session) -> None:
    if session.in_nested_transaction():
        return
    told = {"new": sorted(session.info.pop("news", ()), key=str), "read": session.info.pop("reads", [])}
    _say(list(session.info.pop("wakes", ())), told if any(told.values()) else None)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, previous: SessionTransaction) -> None:
    if previous.nested:  # a savepoint: what the transaction around it asked for, still holds
        return
    for name in ("wakes", "news", "reads"):
        session.info.pop(name, None)


def now(job: str, *ids: Any) -> bool:
    """Enqueues the job, unless the same one already waits. False when Redis is away: the sweep will see to it."""
    return _say([(job, *ids)], None)


def _say(jobs: Sequence[tuple[Any, ...]], news: dict[str, Any] | None) -> bool:
    """In one round trip, but for a job that nobody has asked for yet: every transaction that tells somebody something ends in this."""
    if not jobs and not news:
        return True
    try:
        queues = [Queue(job, connection=client(), serializer=JSONSerializer) for job, *_ in jobs]
        with client().pipeline(transaction=False) as pipeline:
            for (job, *ids), queue in zip(jobs, queues, strict=True):
                pipeline.eval(ASK, 4, RESTS, BELL, pending_key(job, *ids), queue.key, PENDING_TTL, job)
            if news:
                pipeline.publish(NEWS, json.dumps(news))
            answers = pipeline.execute()
        for (job, *ids), queue, needed in zip(jobs, queues, answers, strict=False):
            if needed:
                queue.enqueue(JOBS[job], *ids, job_timeout=JOB_TIMEOUT, result_ttl=0, failure_ttl=300)
    except redis.RedisError as error:
        names = [job for job, *_ in jobs]
        log.warning("no wake-up: the sweep will find the work, and followers their news at their next look", jobs=names, error=str(error))
        return False
    return True


def running(job: str) -> None:
    """Says, for the others, that a worker is at this one."""
    try:
        client().set(_running_key(job), "1", ex=RUNNING_TTL)
    except redis.RedisError:
        return


def stopped(job: str) -> None:
    """The other way round; whoever is still at one says so again in a moment."""
    try:
        client().delete(_running_key(job))
    except redis.RedisError:
        return


def others_wait(job: str, alike: bool = False) -> bool:
    """Whether a job of another name waits that no worker is at; or, where it is asked for, one of the same name. Says that a worker
    is at this one, too."""
    try:
        with client().pipeline(transaction=False) as pipe:
            pipe.set(_running_key(job), "1", ex=RUNNING_TTL)
            for name in JOBS:
                pipe.exists(_running_key(name))
                pipe.llen(_queue_key(name))
            _, *answers = pipe.execute()
    except redis.RedisError:
        return False  # nobody can be waiting for what nobody can ask for
    looks = zip(JOBS, answers[::2], answers[1::2], strict=True)
    return any(waiting and (alike if name == job else not taken) for name, taken, waiting in looks)


def _queue_key(job: str) -> str:
    return Queue.redis_queue_namespace_prefix + job


def _running_key(job: str) -> str:
    return f"notifyhub:running:{job}"


def pending_key(job: str, *ids: Any) -> str:
    return ":".join(["notifyhub:pending", job, *map(str, ids)])


def started(job: str, *ids: Any) -> None:
    """A job says so before it looks for work, so that work which comes from now on gets a job of its own."""
    client().delete(pending_key(job, *ids))
    seen("worker")


class Lingering(NamedTuple):
    asked: bool  # it is asked for again, and does that itself
    may_stay: bool  # nobody else lingers, and no other work waits


def linger(job: str, who: str) -> Lingering:
    """For a job that has nothing to do and stays a little: one of each kind may, and a look here costs none into the database."""
    key = f"notifyhub:lingers:{job}"
    try:
        with client().pipeline(transaction=False) as pipe:
            pipe.set(key, who, nx=True, px=LINGERS_MILLISECONDS)
            pipe.get(key)
            pipe.delete(pending_key(job))
            for name in JOBS:
                if name != job:
                    pipe.llen(_queue_key(name))
            _, lingers, asked, *others = pipe.execute()
    except redis.RedisError:
        return Lingering(False, False)
    return Lingering(bool(asked), lingers == who.encode() and not any(others))


def rest(job: str, seconds: float) -> bool:
    """For a job that lingers: waits until it is asked for, or something else is, which whoever lingers is told instead of another
    worker. Answers whether it was asked for."""
    try:
        client().set(RESTS, job, px=int(seconds * 1000) + 1000)  # no longer, should this worker be killed
        rang = client().blpop([BELL], timeout=seconds)
        with client().pipeline() as pipe:  # whoever asked while RESTS stood was heard, so what rang late counts too
            pipe.delete(RESTS)
            pipe.lrange(BELL, 0, -1)
            pipe.delete(BELL)
            _, late, _ = pipe.execute()
    except redis.RedisError:
        return False
    return job.encode() in [*(rang or ())[1:], *late]


def seen(process: str) -> None:
    """A worker, or the scheduler, says that it lives."""
    try:
        client().set(_seen_key(process), "1", ex=SEEN_TTL)
    except redis.RedisError:
        return


def unseen_for(process: str) -> float | None:
    """Seconds since one of these was seen, by the clock of Redis; None where that is too long ago to know. Raises RedisError."""
    left: Any = client().pttl(_seen_key(process))
    return max(0.0, SEEN_TTL - left / 1000) if left >= 0 else None


def _seen_key(process: str) -> str:
    return f"notifyhub:seen:{process}"
