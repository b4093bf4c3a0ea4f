"""gunicorn's configuration (`notifyhub web` starts it with this file): processes of gevent, so that thousands of idle streams share one."""

from gevent import monkey

monkey.patch_all()  # before anything imports psycopg, or each query would block its whole process

import os  # noqa: E402
from typing import Any  # noqa: E402

import notifyhub.routes  # noqa: E402, F401  (each process is forked with it, which is quicker and takes less memory)
from notifyhub import garbage, stopping  # noqa: E402

proc_name = "notifyhub web"
worker_class = "gevent"
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
worker_connections = 4000  # more than the streams that one process may hold
backlog = 2048
timeout = 60
graceful_timeout = 5
keepalive = 5
loglevel = "warning"
control_socket_disable = True  # several installations of one user would share its file


def post_fork(server: Any, worker: Any) -> None:
    stopping.end_with_parent(server.pid)


def post_worker_init(worker: Any) -> None:
    garbage.collect_less()
    stopping.watch()
