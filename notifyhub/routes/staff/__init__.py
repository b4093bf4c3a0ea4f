"""Pages of staff."""

from __future__ import annotations

from flask import Flask

from notifyhub.routes.staff import accounts, audit, deliveries, sessions, sign_in


def init_app(app: Flask) -> None:
    app.register_blueprint(sign_in.blueprint)
    app.register_blueprint(sessions.blueprint)
    app.register_blueprint(accounts.blueprint)
    app.register_blueprint(deliveries.blueprint)
    app.register_blueprint(audit.blueprint)
    if app.extensions["settings"].demo:
        app.register_blueprint(sign_in.demo_blueprint)
