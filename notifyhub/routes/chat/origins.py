"""Which web sites may call the chat from their pages (CORS): those that are named in NOTIFYHUB_CHAT_ORIGINS."""

from __future__ import annotations

from flask import Response, request

from notifyhub.routes import pages

ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
    "Access-Control-Expose-Headers": "Retry-After",
    "Access-Control-Max-Age": "86400",
}


def allow(response: Response) -> Response:
    """Never with credentials: cookies play no part in it."""
    response.headers.add("Vary", "Origin")
    origin, known = request.headers.get("Origin"), pages.settings().chat_origins
    if origin and (origin in known or "*" in known):
        response.headers.update({"Access-Control-Allow-Origin": origin, **ALLOWED})
    return response
