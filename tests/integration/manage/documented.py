"""Is an answer as the OpenAPI document says? Looked at for every answer that a test of the management API gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from openai_api.manage import openapi
from openai_api.manage.urls import DOCUMENTED

PREFIX = "/manage/v1/"
Operation = tuple[str, str]
"""A method in capitals and the template of a path."""


@cache
def document() -> dict[str, Any]:
    return openapi.document(DOCUMENTED)


@cache
def operations() -> dict[Operation, Any]:
    """All that the document says of the management API."""
    paths = document()["paths"].items()
    return {(method.upper(), path): one for path, item in paths if path.startswith(PREFIX) for method, one in item.items()}


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    """The longest first: of two that fit, it says more."""
    paths = sorted({path for _, path in operations()}, key=lambda path: (path.count("{"), -len(path)))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "(.+)", re.escape(path)) + r"\Z", re.DOTALL), path) for path in paths]


def operation_of(method: str, path: str) -> Operation | None:
    """Which operation a request to that path (with its prefix, without its query) asks for."""
    fitting = [found for pattern, found in _templates() if pattern.match(path) and (method, found) in operations()]
    return (method, min(fitting, key=lambda found: (found.count("{"), -len(found)))) if fitting else None


@cache
def _validator(operation: Operation, status: int) -> Draft202012Validator | None:
    answers = operations()[operation]["responses"]
    assert str(status) in answers or status >= 400, f"{operation} says nothing of {status}"
    content = answers.get(str(status), answers["default"]).get("content")
    if content is None:
        return None
    registry = Registry[Any]().with_resource("doc:", DRAFT202012.create_resource(document()))
    schema = _absolute(content["application/json"]["schema"])
    return Draft202012Validator(schema, registry=registry, format_checker=FormatChecker(["uuid"]))


def _absolute(schema: Any) -> Any:
    """With references into the document."""
    if isinstance(schema, dict):
        return {name: f"doc:{inner}" if name == "$ref" else _absolute(inner) for name, inner in schema.items()}
    return [_absolute(one) for one in schema] if isinstance(schema, list) else schema


def check(method: str, path: str, status: int, content: Any) -> Operation | None:
    """Raises for an answer that the document does not foresee; None for a path that is not in it."""
    operation = operation_of(method, path)
    if operation is None or status == 304:
        return None
    validator = _validator(operation, status)
    if validator is not None:
        errors = [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator.iter_errors(content)]
        assert not errors, (operation, status, errors[:5])
    return operation


def bounded(name: str, place: str = "") -> Iterator[tuple[str, Any]]:
    """The members of a component that have bounds and can be written, those of its parts as `routes.0.weight`."""
    for member, schema in document()["components"]["schemas"][name]["properties"].items():
        if schema.get("readOnly"):
            continue
        yield f"{place}{member}", schema
        part = schema.get("items", {}).get("$ref", "").rpartition("/")[2]
        if part:
            yield from bounded(part, f"{place}{member}.0.")


def wrong_values(schema: Any) -> Iterator[Any]:
    """Values that the schema of a member refuses."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "null" not in kinds:
        yield None
    if "string" not in kinds:
        yield "1"
    if "boolean" not in kinds:
        yield True
    if "enum" in schema:
        yield "no such value"
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "exclusiveMaximum" in schema:
        yield schema["exclusiveMaximum"]
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if schema.get("minLength") or ("pattern" in schema and "number" not in kinds):
        yield " x" if "pattern" in schema else ""
    if "array" in kinds:
        yield from ([wrong] for wrong in wrong_values(schema["items"]) if "$ref" not in schema["items"])
        if "maxItems" in schema:
            yield ["x"] * (schema["maxItems"] + 1)
    if isinstance(of := schema.get("additionalProperties"), dict):
        yield from ({"x": wrong} for wrong in wrong_values(of))
    if schema.get("additionalProperties") is False:
        yield {"no such member": 1}
