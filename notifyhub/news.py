"""Follows the news of inboxes, and of whatever else has a name, for all streams of one process, over one subscription."""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import redis
from flask import Flask

from notifyhub import wake
from notifyhub.logs import log

QUEUE = 100  # what a slow reader misses, it finds at its next look
SUBSCRIBE_SECONDS = 1.0  # how long a follower waits to be told of everything from its first look on; without Redis it goes on alone


class News:
    def __init__(self, url: str) -> None:
        self.url = url
        self.followers: dict[int | str, set[queue.Queue[dict[str, Any]]]] = defaultdict(set)
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.subscribed = threading.Event()

    @contextlib.contextmanager
    def follow(self, what: int | str) -> Iterator[queue.Queue[dict[str, Any]]]:
        """An inbox by its account's id, anything else by its name (wake.news_after_commit).

        A queue of {"new": True} and {"read": [ids], "read_at": …}: hints to look, which are lost while Redis is away.
        """
        mine: queue.Queue[dict[str, Any]] = queue.Queue(QUEUE)
        with self.lock:
            self.followers[what].add(mine)
            if self.thread is None:
                self.thread = threading.Thread(target=self._listen, name="news", daemon=True)
                self.thread.start()
        self.subscribed.wait(SUBSCRIBE_SECONDS)
        try:
            yield mine
        finally:
            with self.lock:
                self.followers[what].discard(mine)
                if not self.followers[what]:
                    del self.followers[what]

    def _listen(self) -> None:
        while True:
            try:
                connection = redis.from_url(self.url, socket_timeout=None, health_check_interval=0)
                with connection.pubsub() as subscription:
                    subscription.subscribe(wake.NEWS)
                    for message in subscription.listen():
                        if message["type"] == "subscribe":
                            self._begin()
                        else:
                            self._pass_on(json.loads(message["data"]))
            except redis.RedisError as error:
                if self.followers:
                    log.warning("no news while Redis is away", error=str(error))
            with self.lock:
                self.subscribed.clear()
                if not self.followers:  # the next one begins anew
                    self.thread = None
                    return
            time.sleep(1)

    def _begin(self) -> None:
        """What was told before is lost, so everyone looks."""
        self.subscribed.set()
        with self.lock:
            followed = list(self.followers)
        for what in followed:
            self._put(what, {"new": True})

    def _pass_on(self, told: dict[str, Any]) -> None:
        for what in told["new"]:
            self._put(what, {"new": True})
        for account_id, ids, read_at in told["read"]:
            self._put(account_id, {"read": ids, "read_at": read_at})

    def _put(self, what: int | str, hint: dict[str, Any]) -> None:
        if what not in self.followers:
            return
        with self.lock:
            followers = list(self.followers.get(what, ()))
        for follower in followers:
            with contextlib.suppress(queue.Full):
                follower.put_nowait(hint)


def init_app(app: Flask) -> None:
    app.extensions["news"] = News(app.extensions["settings"].redis_url)
