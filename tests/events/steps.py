"""Reporting, as other systems do it."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

from notifyhub.events.types import TYPES
from tests import files
from tests.conftest import Api

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
numbers = itertools.count(1)


def event(type: str = "invoice.issued", data: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """The example of its type, for account C-1, with these changes of its data."""
    example = {name: value for name, value in TYPES[type].example.items() if name != "account"} if type in TYPES else {}
    if example.get("service"):
        example["service"] = "#100412"
    return {
        "specversion": "1.0",
        "id": f"e-{next(numbers)}",
        "source": "https://billing.provider.example",
        "type": type,
        "data": {"account": "C-1"} | example | (data or {}),
    } | attributes


def report(api: Api, *events: Any, **options: Any) -> Any:
    """One as a structured event, several as a batch."""
    if len(events) == 1:
        return send(api, json.dumps(events[0]), STRUCTURED, **options)
    return send(api, json.dumps(events), BATCH, **options)


def send(api: Api, body: str | bytes, content_type: str, **options: Any) -> Any:
    options["headers"] = {"Content-Type": content_type} | options.get("headers", {})
    return api.post("/v1/events", data=body, **options)


def refused(answer: Any) -> dict[str, str]:
    """Of one event: what is said to each field."""
    assert answer.status_code == 422, (answer.status_code, answer.json)
    return {error["field"]: error["message"] for error in answer.json["errors"]}


def document(text: str = "Invoice") -> str:
    return base64.b64encode(files.pdf(text)).decode()


def inbox(api: Api, account: str = "C-1") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get(f"/v1/accounts/{account}/inbox").json["items"]
    return items
