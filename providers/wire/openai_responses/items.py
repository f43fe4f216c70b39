"""Which items is the input of a request made of?

Format: OpenAI's OpenAPI document of November 2026, `/responses`.
"""

from __future__ import annotations

from typing import Any

from providers.errors import Unsupported

Json = dict[str, Any]


def refused(message: str, param: str | None, code: str = "invalid_value") -> Unsupported:
    """The request cannot be told in another wire, or what it names is not there."""
    return Unsupported(400, message, code=code, param=param)


def items_of(value: Any) -> list[Json]:
    """The input as items. Raises 400 for anything but a text or objects."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    if not isinstance(value, list):
        raise refused("The field 'input' must be a text or a list of items.", "input")
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            raise refused("An item must be an object.", f"input[{place}]")
    return value
