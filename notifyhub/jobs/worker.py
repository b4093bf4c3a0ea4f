"""A worker: an RQ SimpleWorker (no fork for a job: 3 ms to start one instead of 15) on all queues in turn."""

from __future__ import annotations

import time

import redis
from flask import Flask
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from rq.worker import DequeueStrategy

from notifyhub import contents, drain, garbage, stopping, wake
from notifyhub.logs import log


class Worker(SimpleWorker):
    max_connection_wait_time = 3  # seconds between tries while Redis is away

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()
        stopping.watch()  # jobs look at it, so that they end in time


def run(app: Flask) -> None:
    garbage.collect_less()
    settings = app.extensions["settings"]
    # not the connection that wakes others: RQ changes the pool it is given, and waits long on it
    connection = redis.from_url(settings.redis_url, socket_timeout=None)
    _wait_for(connection)
    queues = [Queue(name, connection=connection, serializer=JSONSerializer) for name in wake.JOBS]
    with app.app_context():
        drain.settle_dead_journals(settings)
        contents.warm_up(settings)
        worker = Worker(queues, connection=connection, serializer=JSONSerializer, log_job_description=False)
        worker.work(dequeue_strategy=DequeueStrategy.ROUND_ROBIN, logging_level="WARNING")


def _wait_for(connection: redis.Redis) -> None:
    """RQ gives up when Redis is away at its start."""
    while True:
        try:
            connection.ping()
            return
        except redis.RedisError as error:
            log.warning("waiting for Redis", error=str(error))
            time.sleep(1)
