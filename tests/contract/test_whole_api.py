"""/openapi.json, taken at its word: what it says may be sent is sent, and every answer is one that it describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from notifyhub import create_app, wake
from notifyhub.config import Settings
from notifyhub.database import db
from tests.abuse.reports import report as abuse_report
from tests.builders import account, draft, service
from tests.conftest import KEY, Api, Templates
from tests.events.steps import document as pdf
from tests.events.steps import event, report
from tests.smtp import Server

EXAMPLES = 25  # of each operation: all of them take half a minute
CHECKS: list[Any] = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance,
    unsupported_method,
]  # fmt: skip


@pytest.fixture(scope="module")
def whole_app(templates: Templates, valkey: str, smtp: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One for all examples: what one of them left there is what the next one meets."""
    environ = {
        "DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "NOTIFYHUB_DATABASE_URL": templates.copy("sqlite"),
        "NOTIFYHUB_REDIS_URL": f"{valkey}?db=1",
        "NOTIFYHUB_SMTP_URL": smtp.url,
        "NOTIFYHUB_MAIL_FROM": "Provider <support@provider.example>",
        "NOTIFYHUB_BASE_URL": "https://notify.provider.example",
        "NOTIFYHUB_SECRET_KEY": "a-secret-key-of-the-tests-long-enough",
        "NOTIFYHUB_BOOTSTRAP_API_KEY": KEY,
    }
    app = create_app(Settings.from_environ(environ))
    with app.app_context():
        wake.client().flushall()
        yield app
        db.session.remove()
        db.engine.dispose()


class Known(NamedTuple):
    """What there is to ask for, and what is right to send."""

    ids: dict[str, str]  # by the beginning of a path
    ticket: int
    bodies: dict[str, Any]  # by operation

    def put_into(self, case: Case, label: str) -> None:
        path = label.partition(" ")[2]
        id = next((id for beginning, id in self.ids.items() if path.startswith(beginning)), "")
        right = {"external_id": "C-1", "id": id, "number": self.ticket}
        case.path_parameters = {name: right.get(name, value) for name, value in case.path_parameters.items()}
        if label in self.bodies:
            case.body = self.bodies[label]


@pytest.fixture(scope="module")
def known(whole_app: Flask) -> Known:
    api = Api(whole_app.test_client())
    right = account(services=[service(order_number="#100412", location="fra1")])
    api.put("/v1/accounts/C-1", right)
    report(api, event("monitoring.service_down"), event(data={"document": pdf()}))
    announced = api.post("/v1/announcements", draft()).json["id"]
    item = next(item for item in api.get("/v1/accounts/C-1/inbox").json["items"] if item["files"])
    delivery = next(each for each in api.get("/v1/deliveries").json["items"] if each["channel"] == "email")
    ticket = {"account": "C-1", "department": "technical", "subject": "Slow", "body": "Since this morning."}
    return Known(
        {
            "/v1/accounts/{external_id}/files": item["files"][0]["id"],
            "/v1/accounts/{external_id}/inbox": item["id"],
            "/v1/announcements": announced,
            "/v1/deliveries": delivery["id"],
        },
        api.post("/v1/tickets", ticket).json["number"],
        {
            "PUT /v1/accounts/{external_id}": right,
            "PUT /v1/accounts/{external_id}/send-email": {"invoices": ["new@one.example"], "muted": ["news"]},
            "POST /v1/accounts/{external_id}/send-email/confirmations": {"email": "new@one.example"},
            "POST /v1/announcements": draft(),
            "PATCH /v1/announcements/{id}": {"impact": "degraded"},
            "POST /v1/tickets": ticket,
            "PATCH /v1/tickets/{number}": {"priority": "regular", "department": "financial"},
            "POST /v1/tickets/{number}/messages": {"from": "customer", "body": "Any news?"},
            "POST /v1/tickets/{number}/attachments": {"file": [b"trace"]},
            "POST /v1/abuse/reports": abuse_report(),
            "POST /v1/intake/email": b"From: a@one.example\r\nTo: bounces@provider.example\r\nSubject: hello\r\n\r\nhello\r\n",
        },
    )


@schemathesis.serializer("application/x-ndjson")
def as_lines(context: Any, value: Any) -> bytes:
    return "\n".join(json.dumps(each) for each in (value if isinstance(value, list) else [value])).encode("utf-8", "backslashreplace")


@schemathesis.serializer("message/rfc822")
def as_it_is(context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "backslashreplace")


def test_every_answer_is_described(whole_app: Flask, known: Known, subtests: pytest.Subtests) -> None:
    document = schemathesis.openapi.from_wsgi("/openapi.json", whole_app).exclude(path_regex="/stream$")  # which has no end
    operations = [found.ok() for found in document.get_all_operations()]
    for operation in sorted(operations, key=lambda operation: operation.method == "delete"):
        with subtests.test(operation.label):
            _try(operation, known)


def _try(operation: Any, known: Known) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)), st.booleans())
    def run(case: Case, is_right: bool) -> None:
        if is_right:
            known.put_into(case, operation.label)
        response = case.call(headers={"Authorization": f"Bearer {KEY}"})
        db.session.remove()
        case.validate_response(response, checks=CHECKS)

    run()
