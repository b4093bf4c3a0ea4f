"""Pages of customers."""

from __future__ import annotations

from flask import Flask

from notifyhub.routes.client import contact, files, inbox, mails, send_email, sessions, settings, sign_in, status, tickets


def init_app(app: Flask) -> None:
    app.register_blueprint(sign_in.blueprint)
    app.register_blueprint(sessions.blueprint)
    app.register_blueprint(inbox.blueprint)
    app.register_blueprint(tickets.blueprint)
    app.register_blueprint(mails.blueprint)
    app.register_blueprint(files.blueprint)
    app.register_blueprint(status.blueprint)
    app.register_blueprint(contact.blueprint)
    app.register_blueprint(send_email.blueprint)
    app.register_blueprint(settings.blueprint)
    if app.extensions["settings"].demo:
        app.register_blueprint(sign_in.demo_blueprint)
