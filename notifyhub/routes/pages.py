"""What all pages share: the brand, and the reader's language."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

from notifyhub import languages

# Unless a page says otherwise: nothing but our own style sheets and pictures, in no frame, told to no other site.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def init_app(app: Flask) -> None:
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: languages.translations(language()).gettext(text),
        lambda one, many, count: languages.translations(language()).ngettext(one, many, count),
        newstyle=True,
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True

    @app.after_request
    def guard(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.context_processor
    def shared() -> dict[str, Any]:
        spoken = language()
        return {"brand": app.extensions["settings"].brand, "language": spoken, "direction": languages.direction(spoken)}


def language() -> str:
    """Of those that exist, what the browser asks for first."""
    for wanted in request.accept_languages.values():
        found = languages.choose_locale(wanted, languages.translated(), wanted)
        if found.partition("_")[0] == wanted.replace("-", "_").partition("_")[0].lower():
            return found
    return languages.SOURCE
