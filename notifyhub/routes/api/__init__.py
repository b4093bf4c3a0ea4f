"""The HTTP API: /v1, JSON, described at /openapi.json and /docs."""

from __future__ import annotations

from typing import Any

from flask import Flask, render_template
from flask_smorest import Api

from notifyhub import access, news
from notifyhub.events.types import TYPES
from notifyhub.kinds import KINDS
from notifyhub.routes import pages
from notifyhub.routes.api import (
    abuse,
    accounts,
    announcements,
    base,
    deliveries,
    event_document,
    events,
    files,
    inbox,
    intake,
    send_email,
    tickets,
)

# in the order of /docs
BLUEPRINTS = (
    accounts.blueprint,
    send_email.blueprint,
    inbox.blueprint,
    files.blueprint,
    announcements.blueprint,
    tickets.blueprint,
    events.blueprint,
    abuse.blueprint,
    deliveries.blueprint,
    intake.blueprint,
)


class ProblemApi(Api):
    ERROR_SCHEMA = base.Problem

    def _register_error_handlers(self) -> None:
        """routes/problems.py answers errors."""

    def _register_responses(self) -> None:
        """The library describes errors by the type that other answers have."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE = "application/problem+json"
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def init_app(app: Flask) -> None:
    app.config.update(
        API_TITLE="NotifyHub",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={
            "info": {"description": "Who must be told this, where, and did it reach them?"},
            "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}} | event_document.SCHEMES},
            "security": [{"key": []}],
        },
    )
    app.json = base.Json(app)
    news.init_app(app)
    api = ProblemApi(app)
    api.register_converter(base.ExternalIdConverter, lambda converter: {"type": "string", "maxLength": 128})
    event_document.describe(api.spec)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
        pages.csrf.exempt(blueprint)  # a bearer key is no cookie: no other site can make a browser send it

    @app.get("/openapi.json")
    @access.public
    def openapi() -> dict[str, Any]:
        return api.spec.to_dict()

    @app.get("/docs")
    @access.public
    def docs() -> str:
        return render_template("docs.html", spec=api.spec.to_dict(), types=TYPES, kinds=KINDS, example=event_document.example)
