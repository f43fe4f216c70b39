"""Which JSON schema means the same, in the form that Anthropic takes?

Format: Anthropic's reference of October 2026, "Structured outputs" (objects must refuse what they do not name) and "Tool use"
(the input of a tool is an object).
"""

from __future__ import annotations

from typing import Any

from providers.canonical.extra import Json

OBJECT = "object"


def input_schema(parameters: Json, *, subset: bool = False) -> Json:
    """The schema of a tool's input."""
    made: Json = lowered(parameters) if subset else parameters
    return made if "type" in made or "$ref" in made else {"type": OBJECT, **made}


def lowered(schema: Any) -> Any:
    """Gemini's subset of OpenAPI as JSON schema: types in lower case, and null among them."""
    if isinstance(schema, list):
        return [lowered(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        name: {key: lowered(one) for key, one in value.items()}
        if name == "properties" and isinstance(value, dict)
        else value
        if name in ("enum", "default", "example", "required")
        else lowered(value)
        for name, value in schema.items()
        if name not in ("nullable", "type", "propertyOrdering")
    }
    kind = schema.get("type")
    if isinstance(kind, str):
        made["type"] = [kind.lower(), "null"] if schema.get("nullable") is True else kind.lower()
    elif kind is not None:
        made["type"] = kind
    return made


def closed(schema: Any) -> Any:
    """The schema, whose objects refuse what they do not name; the same object if they do."""
    if isinstance(schema, list):
        made = [closed(one) for one in schema]
        return schema if all(one is was for one, was in zip(made, schema, strict=True)) else made
    if not isinstance(schema, dict):
        return schema
    changed = {name: new for name, value in schema.items() if (new := closed(value)) is not value}
    kind = schema.get("type")
    is_object = kind == OBJECT or (isinstance(kind, list) and OBJECT in kind)
    if is_object and "additionalProperties" not in schema:
        changed["additionalProperties"] = False
    return schema | changed if changed else schema
