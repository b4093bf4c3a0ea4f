"""Errors as HTTP says them: application/problem+json (RFC 9457) for programs, a small page for people."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, json, render_template, request
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from notifyhub import access, errors
from notifyhub.logs import log

STATUS = {
    errors.Unreadable: 400,
    errors.Invalid: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooMany: 429,
    access.Unknown: 401,
    access.Forbidden: 403,
}
DRAINED_BYTES = 64 * 1024 * 1024


def init_app(app: Flask) -> None:
    app.register_error_handler(errors.Refused, refused)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(RequestEntityTooLarge, too_large)
    app.register_error_handler(OperationalError, database_away)
    app.register_error_handler(PoolTimeout, database_away)
    app.register_error_handler(DataError, not_storable)
    app.register_error_handler(Exception, bug)


def answer(status: int, detail: str, errors: list[Any] | None = None, headers: dict[str, str] | None = None) -> Response:
    title = HTTPStatus(status).phrase
    if not request.path.startswith("/v1/") and request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        response = Response(render_template("problem.html", title=title, detail=detail), status)
    else:
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        if errors:
            body["errors"] = [{"field": field, "message": message} for field, message in errors]
        response = Response(json.dumps(body, ensure_ascii=True), status, mimetype="application/problem+json")
    response.headers.update(headers or {})
    return response


def refused(error: errors.Refused) -> Response:
    status = next(number for kind, number in STATUS.items() if isinstance(error, kind))
    headers = {}
    if isinstance(error, errors.TooMany):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, access.Unknown):
        headers["WWW-Authenticate"] = 'Bearer realm="NotifyHub"'
    return answer(status, error.message, error.errors, headers)


def http_error(error: HTTPException) -> Response:
    response = error.get_response()
    kept = {name: response.headers[name] for name in ("Allow", "Retry-After", "Location") if name in response.headers}
    if error.code is None or error.code < 400:
        return response  # type: ignore[return-value]
    return answer(error.code, error.description or "", None, kept)


def too_large(error: RequestEntityTooLarge) -> Response:
    # a client that is still sending sees the connection break instead of the answer, so what it sends is read and dropped
    with contextlib.suppress(Exception):
        stream, left = request.environ["wsgi.input"], DRAINED_BYTES
        while left > 0 and (block := stream.read(65536)):
            left -= len(block)
    return answer(413, f"The body may have {request.max_content_length or 0:,} bytes here.")


def database_away(error: Exception) -> Response:
    log.error("the database cannot be used", path=request.path, error=str(error).splitlines()[0])
    return answer(503, "The database cannot be used at the moment. Nothing was changed; try again.", None, {"Retry-After": "5"})


def not_storable(error: DataError) -> Response:
    log.warning("a value cannot be stored", path=request.path, error=str(error.orig).splitlines()[0])
    return answer(422, "A value cannot be stored: out of range, or with characters that are no text.")


def bug(error: Exception) -> Response:
    log.exception("a bug", path=request.path)
    return answer(500, "Something went wrong on our side. It has been logged.")
