"""Which JSON schema means the same, in the form that Anthropic takes?

Format: Anthropic's reference of October 2026, "Structured outputs" (objects must refuse what they do not name) and "Tool use"
(the input of a tool is an object).
"""

from __future__ import annotations

from typing import Any

from providers.canonical.extra import Json

OBJECT = "object"


def input_schema(parameters: Json) -> Json:
    """The schema of a tool's input."""
    return parameters if "type" in parameters or "$ref" in parameters else {"type": OBJECT, **parameters}


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
