"""What all parts of the API share: how input is read, how answers are written, pages, repeated POSTs."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

import flask_smorest
import marshmallow as ma
from flask import Response, current_app, g, jsonify, request
from flask.json.provider import DefaultJSONProvider
from marshmallow import fields, validate
from webargs import core
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter

from notifyhub import idempotency
from notifyhub.accounts.document import read_external_id
from notifyhub.config import Settings
from notifyhub.database import transaction, utcnow
from notifyhub.errors import FieldError, Invalid, Unreadable
from notifyhub.fields import Schema, flattened

PAGE = 50
MOST_A_PAGE = 200


def settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


class Json(DefaultJSONProvider):
    """Times as RFC 3339 in UTC, ids as strings, text as it is."""

    ensure_ascii = False
    sort_keys = False

    @staticmethod
    def default(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        return DefaultJSONProvider.default(value)


class ExternalIdConverter(BaseConverter):
    """In an address: anything that may be an external id; other things are not found."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        try:
            return read_external_id(value)
        except ValueError:
            raise NotFound from None  # a ValidationError would have other methods tried, and end in a 405


class Parser(FlaskParser):
    """Refuses what it does not know, wherever it stands, and says where."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "json": ma.RAISE, "query": ma.RAISE, "form": ma.RAISE,
    }  # fmt: skip

    def load_json(self, req: Any, schema: ma.Schema) -> Any:
        return body() if req.get_data(cache=True) else core.missing

    def handle_error(self, error: ma.ValidationError, *args: Any, **options: Any) -> NoReturn:
        ((_, messages),) = error.messages.items()  # type: ignore[union-attr]
        raise Invalid(*flattened(messages))


def body() -> Any:
    """The JSON that was sent. Raises Unreadable."""
    if not request.is_json:
        raise Unreadable("The body must be JSON, sent as Content-Type: application/json.")
    try:
        return json.loads(request.get_data(cache=True))
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The body is not JSON: {error}") from None


class Blueprint(flask_smorest.Blueprint):
    ARGUMENTS_PARSER = Parser()


FieldProblem = ma.Schema.from_dict({"field": fields.String(), "message": fields.String()}, name="FieldError")


class Problem(ma.Schema):
    """RFC 9457"""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    errors = fields.List(fields.Nested(FieldProblem))


class Paging(Schema):
    limit = fields.Integer(load_default=PAGE, validate=validate.Range(1, MOST_A_PAGE))
    cursor = fields.String(load_default=None)


def write_cursor(created_at: datetime, id: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {id.hex}".encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> tuple[datetime, uuid.UUID] | None:
    """Raises Invalid."""
    if text is None:
        return None
    try:
        time, id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ")
        parsed = datetime.fromisoformat(time)
        if parsed.tzinfo is None:
            raise ValueError
        return parsed.astimezone(UTC), uuid.UUID(id)
    except (ValueError, OverflowError, binascii.Error):
        raise Invalid(FieldError("cursor", "is not one that a page before gave as `next`")) from None


def page_of(items: list[dict[str, Any]], limit: int, created_at: str = "created_at") -> dict[str, Any]:
    """`items` holds one more than `limit` where there is a next page."""
    kept = items[:limit]
    more = len(items) > limit
    return {"items": kept, "next": write_cursor(kept[-1][created_at], kept[-1]["id"]) if more else None}


def _what_is_sent() -> bytes:
    """Of a form its parts, as whoever sends one again draws another boundary between them."""
    if request.mimetype != "multipart/form-data":
        return request.get_data(cache=True)
    parts = [(name, value, b"") for name, value in request.form.items(multi=True)]
    for name, upload in request.files.items(multi=True):
        parts.append((name, upload.filename or "", hashlib.sha256(upload.stream.read()).digest()))
        upload.stream.seek(0)
    return repr(parts).encode()


def idempotent(view: Callable[..., Any]) -> Callable[..., Any]:
    """The same POST with the same Idempotency-Key does its work once, and is answered the same again."""

    @functools.wraps(view)
    def once(*args: Any, **values: Any) -> Any:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return view(*args, **values)
        if not 0 < len(key) <= 255 or not key.isprintable():
            raise Invalid(FieldError("Idempotency-Key", "must have 1 to 255 printable characters"))
        request_bytes = f"{request.method} {request.full_path}\n".encode() + _what_is_sent()

        def act() -> tuple[int, Any]:
            response: Response = view(*args, **values)
            return response.status_code, response.get_json()

        with transaction() as session:
            answer = idempotency.once(session, g.actor, key, request_bytes, utcnow(), act)
        response = jsonify(answer.body)
        response.status_code = answer.status
        if answer.repeated:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    return once
