"""For Prometheus. Every web process answers for the whole installation: the figures are the database's."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, request
from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from notifyhub import access, exposition, measures, readiness
from notifyhub.database import reading

blueprint = Blueprint("metrics", __name__)


class Engine(Collector):
    def collect(self) -> Iterator[Metric]:
        parts, taken = readiness.parts(), None
        if parts[0].state == "ok":
            with reading() as session:
                taken = measures.watched(session)
        return exposition.families(taken, parts)


@blueprint.get("/metrics")
@access.near("reports")
def metrics() -> Response:
    try:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    except (ValueError, TypeError):  # it asks for a version that is no number
        encode, content_type = choose_encoder("")
    return Response(encode(Engine()), content_type=content_type)
