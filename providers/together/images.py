"""How are images asked of Together? Reference: its OpenAPI document of 2026-04-28, `/images/generations`."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.errors import CallerError
from providers.openai_compatible.base import Changes
from providers.wire.openai_image import RESPONSE_FORMATS, pixels_of
from providers.wire.patch import Fields

NO_SIZE = (None, "auto")


def changes_of(fields: Fields) -> Changes:
    """How a request differs at Together: `width` and `height` for `size`, `base64` for `b64_json`. Raises `CallerError`."""
    changes: Changes = {"size": None, "stream": None, "partial_images": None}
    size: Any = msgspec.json.decode(fields.raw("size") or b"null")
    pixels = pixels_of(size)
    if pixels is not None:
        width, height = pixels
        sides = {"width": b"%d" % width, "height": b"%d" % height}
        changes |= {name: value for name, value in sides.items() if name not in fields.spans}
    elif size not in NO_SIZE:
        raise CallerError(400, "The field 'size' is not WIDTHxHEIGHT in pixels.", code="invalid_value", param="size")
    if fields.raw("response_format") == b'"b64_json"':
        changes["response_format"] = b'"base64"'
    return changes


def items_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The images alone, without Together's own fields."""
    return [{name: item[name] for name in RESPONSE_FORMATS if item.get(name)} for item in answer["data"]]
