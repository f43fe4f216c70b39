"""Which value fits a JSON schema? A small one, always the same, so that tools can be called and structured output be tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
DEEPEST, LONGEST = 12, 100
"""Levels of a schema that refers to itself, and items of a list."""
BY_TYPE: Mapping[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "null": None}
BY_FORMAT: Mapping[str, str] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "ada@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
}


def sample_of(schema: Any, text: str) -> Any:
    """A value that fits the schema, as far as its types, properties, items, enumerations and bounds go; texts are `text`."""
    return _value(schema, schema if isinstance(schema, Mapping) else {}, text, 0)


def _value(schema: Any, root: Schema, text: str, depth: int) -> Any:
    if not isinstance(schema, Mapping):
        return {}
    if isinstance(reference := schema.get("$ref"), str):
        return None if depth >= DEEPEST else _value(_found(reference, root), root, text, depth + 1)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if isinstance(choices := schema.get("enum"), list) and choices:
        return choices[0]
    for name in ("anyOf", "oneOf"):
        if isinstance(choices := schema.get(name), list) and choices:
            return _value(choices[-1 if depth >= DEEPEST else 0], root, text, depth + 1)
    if isinstance(parts := schema.get("allOf"), list) and parts:
        return _merged([_value(part, root, text, depth + 1) for part in parts])
    return _of_type(schema, root, text, depth)


def _of_type(schema: Schema, root: Schema, text: str, depth: int) -> Any:
    kind: Any = schema.get("type")
    if isinstance(kind, list):
        kind = "null" if depth >= DEEPEST and "null" in kind else next(iter(kind), None)
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, root, text, depth)
    if kind == "array":
        return _array(schema, root, text, depth)
    if kind in ("integer", "number"):
        least = _number(schema, "minimum", _number(schema, "exclusiveMinimum", BY_TYPE[kind] - 1) + 1)
        value = min(max(BY_TYPE[kind], least), _number(schema, "maximum", float("inf")))
        return int(value) if kind == "integer" else value
    if kind in BY_TYPE:
        return BY_TYPE[kind]
    return _text(schema, text)


def _array(schema: Schema, root: Schema, text: str, depth: int) -> list[Any]:
    if depth >= DEEPEST:
        return []
    count = min(max(int(_number(schema, "minItems", 1)), 0), LONGEST)
    return [_value(schema.get("items", {"type": "string"}), root, text, depth + 1)] * count


def _object(schema: Schema, root: Schema, text: str, depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    required = schema.get("required", [])
    wanted = properties if depth < DEEPEST else [name for name in properties if name in required]
    return {name: _value(properties[name], root, text, depth + 1) for name in wanted}


def _text(schema: Schema, text: str) -> str:
    value = BY_FORMAT.get(str(schema.get("format")), text)
    shortest = int(_number(schema, "minLength", 0))
    return value.ljust(min(shortest, 10_000), ".")[: int(_number(schema, "maxLength", 1_000_000))]


def _number(schema: Schema, name: str, default: float) -> float:
    value = schema.get(name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _merged(values: list[Any]) -> Any:
    objects = [value for value in values if isinstance(value, dict)]
    return {name: item for value in objects for name, item in value.items()} if objects else values[0]


def _found(reference: str, root: Schema) -> Any:
    """What a reference such as `#/$defs/Name` leads to."""
    found: Any = root
    for part in reference.removeprefix("#").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if name:
            found = found.get(name, {}) if isinstance(found, Mapping) else {}
    return found
