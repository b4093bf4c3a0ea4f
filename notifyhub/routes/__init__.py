"""HTTP only: parse, call one function, answer."""

from __future__ import annotations

from flask import Flask

from notifyhub.routes import api, brand, browsers, chat, client, health, links, metrics, pages, problems, staff, start
from notifyhub.routes.api.base import ExternalIdConverter


def init_app(app: Flask) -> None:
    app.url_map.converters["external_id"] = ExternalIdConverter
    problems.init_app(app)
    pages.init_app(app)
    app.register_blueprint(brand.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(links.blueprint)
    pages.csrf.exempt(links.blueprint)  # the address carries the proof, and mail programs post there (RFC 8058)
    app.register_blueprint(start.blueprint)
    browsers.init_app(app)
    client.init_app(app)
    staff.init_app(app)
    chat.init_app(app)
    if app.extensions["settings"].embedded_mailbox:
        from notifyhub.routes import dev

        app.register_blueprint(dev.blueprint)
    api.init_app(app)
