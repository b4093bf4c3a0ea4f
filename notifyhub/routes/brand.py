"""What is the provider's own on every page, and what a reader chose of how pages look."""

from __future__ import annotations

import mimetypes

from flask import Blueprint, Response, abort, redirect, request

from notifyhub import access, languages
from notifyhub.colours import readable, text_on
from notifyhub.routes.pages import A_YEAR, LANGUAGE_COOKIE, PSEUDO, THEME_COOKIE, THEMES, local_path, settings

blueprint = Blueprint("brand", __name__)

LIGHT, DARK = "#f3f1ed", "#282623"  # the least contrasting grounds that text stands on: --raised of tokens.css
STYLE = """:root {{
  --accent: light-dark({light}, {dark});
  --accent-fill: {fill};
  --on-accent: {on_fill};
  --accent-soft: color-mix(in srgb, var(--accent) 10%, var(--surface));
}}
.count {{ background: var(--accent-fill); }}
"""


@blueprint.get("/brand.css")
@access.public
def style() -> Response:
    accent = settings().brand.accent
    text = STYLE.format(light=readable(accent, LIGHT), dark=readable(accent, DARK), fill=accent, on_fill=text_on(accent))
    return _kept(Response(text, mimetype="text/css"))


@blueprint.get("/brand/logo")
@access.public
def logo() -> Response:
    path = settings().brand.logo
    if path is None:
        abort(404)
    response = Response(path.read_bytes(), mimetype=mimetypes.guess_type(path.name)[0] or "application/octet-stream")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"  # an SVG is a document
    return _kept(response)


def _kept(response: Response) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={A_YEAR}" if "v" in request.args else "no-cache"
    return response


@blueprint.post("/display")
@access.public
def choose() -> Response:
    """The language or the theme of this browser."""
    response = redirect(local_path(request.form.get("return_to")), 303)
    chosen = {LANGUAGE_COOKIE: request.form.get("language"), THEME_COOKIE: request.form.get("theme")}
    allowed = {LANGUAGE_COOKIE: (*languages.translated(), *((PSEUDO,) if settings().demo else ())), THEME_COOKIE: THEMES}
    for name, value in chosen.items():
        if value in allowed[name]:
            secure = settings().base_url.startswith("https://")
            response.set_cookie(name, str(value), max_age=A_YEAR, httponly=True, samesite="Lax", secure=secure)
    return response  # type: ignore[return-value]
