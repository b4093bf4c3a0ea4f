"""The widget: one script, with its style, its words in every language, and the provider's colour. And the demo's page that has it."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request

from notifyhub import access, languages
from notifyhub.chat.states import BODY_CHARACTERS
from notifyhub.colours import readable, text_on
from notifyhub.languages import N_
from notifyhub.routes import loopback, pages
from notifyhub.routes.brand import DARK, LIGHT
from notifyhub.routes.chat import origins

blueprint = Blueprint("chat_widget", __name__, url_prefix="/chat")
blueprint.after_request(origins.allow)
demo_blueprint = Blueprint("chat_demo", __name__, url_prefix="/chat")
demo_blueprint.before_request(loopback.only)

KEPT_SECONDS = 300  # its address is written into other sites, and does not change with its content

WORDS = {
    "open": N_("Chat with us"),
    "close": N_("Close the chat"),
    "title": N_("Live chat"),
    "unread": N_("new"),
    "hello": N_("Ask us anything about our services. Please write no passwords here."),
    "question": N_("Leave your question: it becomes a ticket, which we answer later."),
    "there": N_("We are here"),
    "away": N_("Nobody is here at the moment"),
    "log": N_("What was said"),
    "message": N_("Your message"),
    "send": N_("Send"),
    "sending": N_("being sent …"),
    "unsent": N_("Not sent yet: we cannot be reached. It is sent as soon as we can."),
    "refused": N_("Not sent."),
    "again": N_("Try again"),
    "much": N_("Too many messages at once. Please wait a little."),
    "you": N_("You"),
    "support": N_("Support"),
    "nobody": N_("Nobody is here at the moment. Go on writing if there is more to say; then it becomes a ticket."),
    "nobody_unknown": N_("Nobody is here at the moment. Leave your e-mail address, and what you wrote becomes a ticket."),
    "late": N_("Nobody could answer in time. We are sorry."),
    "ticket": N_("This is now ticket #{number}. We answer there, and by e-mail."),
    "ticket_unknown": N_("This is now ticket #{number}. We answer by e-mail to {email}."),
    "see": N_("Open the ticket"),
    "ended": N_("This conversation has ended."),
    "ask": N_("Where can we answer you? Without an address we cannot, and promise nothing."),
    "email": N_("E-mail address"),
    "name": N_("Name (if you like)"),
    "leave": N_("Leave address"),
    "wrong": N_("This is no e-mail address."),
    "left": N_("We answer to {email}."),
    "end": N_("End the conversation"),
    "new": N_("New conversation"),
    "lost": N_("The connection is interrupted. It comes back by itself."),
    "failed": N_("That did not work. Please try again."),
}


@blueprint.get("/widget.js")
@access.public
def script() -> Response:
    response = Response(_script(), mimetype="text/javascript")
    response.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.add_etag()
    response.make_conditional(request)
    return response


def _script() -> str:
    static, brand = Path(str(current_app.static_folder)), pages.settings().brand
    light, dark = (readable(brand.accent, ground) for ground in (LIGHT, DARK))
    given: dict[str, Any] = {
        "brand": brand.name,
        "most": BODY_CHARACTERS,
        "accent": {"light": light, "dark": dark, "fill": brand.accent, "on": text_on(brand.accent)},
        "words": {code: _words(code) for code in languages.translated()},
        "style": _source(static / "css" / "chat-widget.css"),
    }
    return f"(() => {{\nconst given = {json.dumps(given, ensure_ascii=False)};\n{_source(static / 'js' / 'chat-widget.js')}}})();\n"


def _words(language: str) -> dict[str, str]:
    catalogue = languages.translations(language)
    return {key: catalogue.gettext(text) for key, text in WORDS.items()}


@lru_cache
def _source(path: Path) -> str:
    return path.read_text()


@demo_blueprint.get("/demo")
@access.public
def demo() -> str:
    """A page as a provider's web site might be."""
    return render_template("chat/demo.html")
