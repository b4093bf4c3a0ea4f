"""The live chat as web sites see it: the widget's script, and what it calls. From other sites only where they are named."""

from __future__ import annotations

from flask import Flask, g

from notifyhub.chat import visitors
from notifyhub.database import utcnow
from notifyhub.routes import pages
from notifyhub.routes.chat import stream, visitor, widget


def init_app(app: Flask) -> None:
    for part in (widget, visitor, stream):
        app.register_blueprint(part.blueprint)
        pages.csrf.exempt(part.blueprint)  # the visitor's token is no cookie: no other site can make a browser send it
    app.jinja_env.globals["chat_visitor"] = chat_visitor
    if app.extensions["settings"].demo:
        app.register_blueprint(widget.demo_blueprint)


def chat_visitor() -> str:
    """For the widget on our own pages: whoever is signed in there."""
    return visitors.vouch(pages.settings(), g.account, utcnow())
