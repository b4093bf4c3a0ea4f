"""Pages of staff."""

from __future__ import annotations

from flask import Flask

from notifyhub.routes.staff import (
    abuse,
    accounts,
    announcements,
    audit,
    chat,
    composer,
    deliveries,
    mails,
    publication,
    relay,
    sending,
    sessions,
    sign_in,
    ticket_actions,
    ticket_stream,
    tickets,
)


def init_app(app: Flask) -> None:
    app.register_blueprint(sign_in.blueprint)
    app.register_blueprint(sessions.blueprint)
    app.register_blueprint(accounts.blueprint)
    app.register_blueprint(deliveries.blueprint)
    app.register_blueprint(mails.blueprint)
    app.register_blueprint(relay.blueprint)
    app.register_blueprint(sending.blueprint)
    app.register_blueprint(audit.blueprint)
    app.register_blueprint(abuse.blueprint)
    app.register_blueprint(announcements.blueprint)
    app.register_blueprint(composer.blueprint)
    app.register_blueprint(publication.blueprint)
    app.register_blueprint(tickets.blueprint)
    app.register_blueprint(ticket_actions.blueprint)
    app.register_blueprint(ticket_stream.blueprint)
    app.register_blueprint(chat.blueprint)
    tickets.init_app(app)
    chat.init_app(app)
    app.jinja_env.globals["held_mail"] = relay.held
    app.jinja_env.filters["author"] = announcements.author
    if app.extensions["settings"].demo:
        app.register_blueprint(sign_in.demo_blueprint)
