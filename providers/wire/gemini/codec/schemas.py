"""What does a schema of Gemini's OpenAPI subset say as plain JSON Schema?

Format: google-genai 3.6.1, `Schema`: OpenAPI 3.0 with types in upper case, `nullable`, `propertyOrdering`, and numbers of 64
bits as texts. `parametersJsonSchema` and `responseJsonSchema` take JSON Schema as it is.
"""

from __future__ import annotations

from typing import Any

from providers.canonical.extra import Json
from providers.wire.gemini.codec.spelling import listed

INSIDE = frozenset({"items", "additionalProperties", "additional_properties"})
LISTS = frozenset({"anyOf", "any_of", "oneOf", "allOf", "prefixItems", "prefix_items"})
MAPS = frozenset({"properties", "defs", "$defs"})
COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
OWN = frozenset({"propertyOrdering", "nullable", "example"})
NAMES = {
    "any_of": "anyOf", "min_items": "minItems", "max_items": "maxItems", "min_length": "minLength", "max_length": "maxLength",
    "min_properties": "minProperties", "max_properties": "maxProperties", "property_ordering": "propertyOrdering",
    "additional_properties": "additionalProperties", "prefix_items": "prefixItems", "defs": "$defs", "ref": "$ref",
}  # fmt: skip
MOST_DEPTH = 64
UNSPECIFIED = "TYPE_UNSPECIFIED"


def plain_schema(schema: Any, depth: int = 0) -> Any:
    """The schema as JSON Schema. What is none stays as it is."""
    if not isinstance(schema, dict) or depth > MOST_DEPTH:
        return schema
    made: Json = {}
    for given, value in schema.items():
        name = NAMES.get(given) or given
        if name in OWN:
            continue
        if name in MAPS and isinstance(value, dict):
            value = {key: plain_schema(inner, depth + 1) for key, inner in value.items()}
        elif name in INSIDE:
            value = plain_schema(value, depth + 1)
        elif name in LISTS:
            value = [plain_schema(inner, depth + 1) for inner in listed(value) or ()] if isinstance(value, list | dict) else value
        elif name in COUNTS and isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        elif name == "type" and isinstance(value, str):
            if value == UNSPECIFIED:
                continue
            value = value.lower()
        made[name] = value
    return _nullable(made) if schema.get("nullable") is True else made


def _nullable(made: Json) -> Json:
    if isinstance(made.get("type"), str):
        if isinstance(made.get("enum"), list) and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
        return {**made, "type": [made["type"], "null"]}
    if isinstance(made.get("anyOf"), list):
        return {**made, "anyOf": [*made["anyOf"], {"type": "null"}]}
    return made
