"""What do the public paths take and give, as an OpenAPI document? Made of the table of routes and the smallest good requests.

It says less than OpenAI's own: enough for a tester to make requests that are nearly good. Every answer that is no success
must be OpenAI's error object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openai_api.http.routing import Route
from openai_api.routes import ROUTES
from tests.contract.examples import Example, example_of
from tests.paths import filled, is_template

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
MODEL: Schema = {"enum": ["fuzz/ok", "nope"]}
OPTIONS: dict[str, Schema] = {
    "stream": {"type": "boolean"},
    "n": {"type": "integer", "minimum": -1, "maximum": 3},
    "user": TEXT,
    "metadata": {"type": "object", "additionalProperties": TEXT},
    "response_format": {"anyOf": [TEXT, {"type": "object"}]},
    "tools": {"type": "array", "items": {"type": "object"}},
    "stream_options": {"type": "object"},
    "dimensions": {"type": "integer"},
    "encoding_format": {"enum": ["float", "base64"]},
    "temperature": {"type": "number"},
    "previous_response_id": TEXT,
    "store": {"type": "boolean"},
    "tool_choice": {"anyOf": [TEXT, {"type": "object"}]},
}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string", "minLength": 1},
                "type": {"type": "string", "minLength": 1},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def document() -> dict[str, Any]:
    """The document. Paths for operators, which are not OpenAI's, are left out."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        if route.keyed:
            path = filled(route.path, "{id}")
            paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Signalbox", "version": "1"},
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    error = {"description": "refused", "content": {"application/json": {"schema": ERROR}}}
    operation: dict[str, Any] = {"responses": {"200": {"description": "served"}, "default": error}}
    if is_template(route.path):
        operation["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]
    elif route.method == "POST":
        operation["requestBody"] = {"required": True, "content": _content(example_of(route.path))}
    return operation


def _content(example: Example) -> dict[str, Any]:
    fields: dict[str, Schema] = {name: _like(value) for name, value in example.fields.items()}
    if not example.files:
        return {"application/json": {"schema": _object(fields)}}
    files = {name: {"type": "string", "contentMediaType": "application/octet-stream"} for name, *_ in example.files}
    content = {"multipart/form-data": {"schema": _object(fields | files)}}
    return content | ({"application/json": {"schema": _object(fields)}} if example.json else {})


def _object(required: Mapping[str, Schema]) -> Schema:
    properties = {"model": MODEL, **OPTIONS, **required}
    return {"type": "object", "required": ["model", *required], "properties": properties}


def _like(value: Any) -> Schema:
    """The schema of values like this one."""
    if isinstance(value, dict):
        members = {name: _like(member) for name, member in value.items()}
        return {"type": "object", "required": list(members), "properties": members}
    if isinstance(value, list):
        return {"type": "array", "items": _like(value[0]), "maxItems": 4}
    return TEXT
