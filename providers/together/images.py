"""How are images asked of Together? Reference: its OpenAPI document of 2026-04-28, `/images/generations`.

It edits at the same path: what has `image_url` or `reference_images` is an edit.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from providers.bytes.data_url import DataUrl
from providers.bytes.patch import Fields
from providers.capabilities import Capability
from providers.errors import Unsupported
from providers.openai_compatible.operators_fields import Changes
from providers.wire.openai_image import RESPONSE_FORMATS, pixels_of

NO_SIZE = (None, "auto")
UNKNOWN = ("background", "moderation", "output_compression", "quality", "style", "user")
"""What OpenAI has and Together has not."""
UNKNOWN_OF_EDITS = frozenset({*UNKNOWN, "mask", "input_fidelity", "safety_identifier"})
OURS = frozenset({"size", "stream", "partial_images", "response_format"})
"""What is done here, or translated."""
ONLY_MAKE = re.compile(r"flux\.?1(?!.*(?:kontext|canny|depth|redux))|schnell|stable-diffusion|imagen-")
"""Names of models that make images and change none."""


def changes_of(fields: Fields) -> Changes:
    """How a request differs at Together: `width` and `height` for `size`, `base64` for `b64_json`. Raises `Unsupported`."""
    changes: Changes = {"size": None, "stream": None, "partial_images": None}
    sides = _sides(msgspec.json.decode(fields.raw("size") or b"null"))
    changes |= {name: b"%d" % value for name, value in sides.items() if name not in fields.spans}
    if fields.raw("response_format") == b'"b64_json"':
        changes["response_format"] = b'"base64"'
    return changes


def edit_of(values: dict[str, Any], addresses: list[str | DataUrl], *, stream: bool) -> tuple[dict[str, Any], list[str]]:
    """The request that changes images, from the fields of a request and where the images are; and the names of what Together
    does not take. Raises `Unsupported`."""
    left = [name for name in values if name in UNKNOWN_OF_EDITS and values[name] != "auto"]
    taken = {name: value for name, value in values.items() if name not in UNKNOWN_OF_EDITS and name not in OURS}
    wanted = "b64_json" if stream else values.get("response_format")
    formatted = {"response_format": "base64" if wanted == "b64_json" else wanted} if wanted else {}
    sources: dict[str, Any] = {"image_url": addresses[0]} if len(addresses) == 1 else {"reference_images": addresses}
    return {**_sides(values.get("size")), **formatted, **taken, **sources}, left


def lacks(model: str) -> frozenset[Capability]:
    """Models that make images from a text alone change none."""
    return frozenset({Capability.IMAGE_EDIT}) if ONLY_MAKE.search(model.lower()) else frozenset()


def _sides(size: Any) -> dict[str, int]:
    pixels = pixels_of(size)
    if pixels is None and size not in NO_SIZE:
        raise Unsupported(400, "The field 'size' is not WIDTHxHEIGHT in pixels.", code="invalid_value", param="size")
    return {"width": pixels[0], "height": pixels[1]} if pixels else {}


def items_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The images alone, without Together's own fields."""
    return [{name: item[name] for name in RESPONSE_FORMATS if item.get(name)} for item in answer["data"]]
