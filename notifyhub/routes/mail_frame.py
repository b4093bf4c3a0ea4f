"""A mail shown inside of a page: in a frame where its own styles count, and nothing runs or loads."""

from __future__ import annotations

from flask import Response

# links of a mail open beside it; nothing in it runs, and nothing is loaded from elsewhere
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
MAIL_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
)


def response(html: str) -> Response:
    shown = Response(f'{html}<base target="_blank">', mimetype="text/html")  # at the end: before a doctype it would change the layout
    shown.headers["Content-Security-Policy"] = MAIL_POLICY
    shown.headers["Cache-Control"] = "no-store"
    return shown
