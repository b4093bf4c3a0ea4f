"""For load balancers and operators."""

from __future__ import annotations

from typing import Any

import redis
from flask import Blueprint

from notifyhub import access, migrations, relay, wake
from notifyhub.database import reading

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@access.public
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@blueprint.get("/readyz")
@access.public
def readyz() -> tuple[dict[str, Any], int]:
    """200 when the database is reachable and migrated. Redis or the relay away is degraded, and still 200: accepting goes on."""
    database = migrations.state()
    if database != "ok":
        return {"status": "unready", "database": database}, 503
    parts = {"database": database, "redis": _redis(), "relay": _relay()}
    return {"status": "ok" if all(state == "ok" for state in parts.values()) else "degraded", **parts}, 200


def _redis() -> str:
    try:
        wake.client().ping()
    except redis.RedisError as error:
        return f"away: {type(error).__name__}"
    return "ok"


def _relay() -> str:
    with reading() as session:
        return "away" if relay.paused(session) else "ok"
