"""How events are described in /openapi.json and on /docs: each type with its data and an example."""

from __future__ import annotations

from typing import Any

from apispec import APISpec

from notifyhub.events.reading import BATCH, CHARACTERS, MOST_EVENTS, STRUCTURED
from notifyhub.events.types import TYPES, Type

SCHEMES = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "Standard Webhooks: webhook-id, webhook-timestamp and webhook-signature, by a secret of "
        "`notifyhub keys create --webhook --scope events`",
    }
}
SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"signature": []}]


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _name(name: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": CHARACTERS[name]}


def example(type: Type) -> dict[str, Any]:
    """An event of this type, in structured form."""
    head = {"specversion": "1.0", "id": "6f1c8a52-1", "source": "https://billing.provider.example", "type": type.name}
    return head | {"time": "2026-11-22T14:02:00Z", "datacontenttype": "application/json", "data": type.example}


def _envelope(type: Type) -> dict[str, Any]:
    return {
        "type": "object",
        "description": type.says,
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _name("id"),
            "source": _name("source") | {"format": "uri-reference", "pattern": r"^\S+$"},
            "type": {"const": type.name},
            "subject": _name("subject") | {"description": "the account, unless the data name it"},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "dataschema": {"type": "string", "format": "uri"},
            "data": _ref(type.schema.__name__),
        },
        "example": example(type),
    }


_ANY = {
    "oneOf": [_ref(name) for name in TYPES],
    "discriminator": {"propertyName": "type", "mapping": {name: _ref(name)["$ref"] for name in TYPES}},
}
_EXAMPLES = {name: {"summary": type.says, "value": example(type)} for name, type in TYPES.items()}
BODY = {
    "required": True,
    "content": {
        STRUCTURED: {"schema": _ANY, "examples": _EXAMPLES},
        BATCH: {"schema": {"type": "array", "maxItems": MOST_EVENTS, "items": _ANY}},
        "application/json": {
            "schema": {"anyOf": [_ref(type.schema.__name__) for type in TYPES.values()]},
            "examples": {name: {"summary": type.says, "value": type.example} for name, type in TYPES.items()},
        },
    },
}
_OF_BINARY = {"ce-specversion": {"const": "1.0"}, "ce-type": {"enum": list(TYPES)}}
PARAMETERS = [
    {
        "in": "header",
        "name": f"ce-{name}",
        "required": False,
        "description": "of an event in binary form, percent-encoded",
        "schema": _OF_BINARY.get(f"ce-{name}", {"type": "string"}),
    }
    for name in ("specversion", "id", "source", "type", "subject", "time")
]


def describe(spec: APISpec) -> None:
    """The schemas that BODY refers to."""
    for name, type in TYPES.items():
        spec.components.schema(type.schema.__name__, schema=type.schema)
        spec.components.schema(name, _envelope(type))
