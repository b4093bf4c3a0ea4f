"""For load balancers and operators."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from notifyhub import access, neighbours, readiness
from notifyhub.readiness import Part

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@access.public
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@blueprint.get("/readyz")
@access.public
def readyz() -> tuple[dict[str, Any], int]:
    """200 when the database is reachable and migrated. What else is missing makes it degraded, and still 200: accepting goes on.

    A word for each part, and for whoever asks from near a sentence too: what a relay answers is not for everyone.
    """
    parts = readiness.parts()
    answer: dict[str, Any] = {"status": _status(parts), **{part.name: part.state for part in parts}}
    if neighbours.is_near():
        answer["says"] = {part.name: _sentence(part) for part in parts}
    return answer, 503 if answer["status"] == "unready" else 200


def _status(parts: list[Part]) -> str:
    missing = {part.name for part in parts if part.state != "ok"}
    return "unready" if "database" in missing else "degraded" if missing else "ok"


def _sentence(part: Part) -> str:
    return f"{part.says} (until {part.until:%Y-%m-%dT%H:%M:%SZ})" if part.until else str(part.says)
