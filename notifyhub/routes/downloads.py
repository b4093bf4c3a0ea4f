"""How a stored file is answered, wherever it is fetched: it is saved, and never run."""

from __future__ import annotations

from io import BytesIO

from flask import Response, send_file

from notifyhub.files import IMAGES
from notifyhub.models import StoredFile

HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",  # who may fetch it is asked each time
}


def answer(file: StoredFile, show: bool = False) -> Response:
    """`show`: in the page itself, such as a thumbnail; pictures alone are."""
    response = send_file(
        BytesIO(file.content), file.media_type, as_attachment=not (show and file.media_type in IMAGES), download_name=file.name, etag=False
    )
    response.headers.update(HEADERS)
    return response
