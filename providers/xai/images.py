"""How are images asked of xAI, and what does it answer? Reference: xAI's REST documentation of November 2026, `/images/*`."""

from __future__ import annotations

from typing import Any

import msgspec

from providers.bytes.data_url import DataUrl
from providers.errors import InvalidResponse
from providers.wire import openai_image
from providers.wire.openai import good_answer

TAKEN = ("prompt", "n", "response_format", "aspect_ratio", "resolution", "quality", "output_format", "sync_mode", "user")
QUALITIES = ("low", "medium", "high")
RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "9:19.5", "19.5:9", "9:20", "20:9", "1:2", "2:1")


def taken_of(values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What xAI takes of a request, and the names of what it does not. A size in pixels becomes the nearest aspect ratio."""
    taken = {name: values[name] for name in TAKEN if name in values}
    left = [name for name in values if name not in taken and name != "stream" and values[name] != "auto"]
    if taken.get("quality", "low") not in QUALITIES:
        left += ["quality"] if taken.pop("quality") != "auto" else []
    ratio = openai_image.nearest_ratio(values.get("size"), RATIOS)
    if ratio is not None:
        taken.setdefault("aspect_ratio", ratio)
    if values.get("stream"):
        taken["response_format"] = "b64_json"
    return taken, left


def sources(addresses: list[str | DataUrl]) -> dict[str, Any]:
    """The images to be edited: one in `image`, more in `images`."""
    given = [{"type": "image_url", "url": address} for address in addresses]
    return {"image": given[0]} if len(given) == 1 else {"images": given}


def answer_of(body: bytes, wanted: str | None, now: int) -> dict[str, Any]:
    """The answer in OpenAI's form, without the images that were held back. Raises `CallerError` if all of them were."""
    if b'"block_reason"' not in body:  # without it there must be a picture
        good_answer.answer_of(body, "data")
    answer: dict[str, Any] = msgspec.json.decode(body)
    try:
        items = [dict(item) for item in answer.pop("data") if item.get("respect_moderation") is not False]
    except (TypeError, AttributeError) as error:
        raise InvalidResponse("the images cannot be read") from error
    if not items:
        raise openai_image.refused("xAI", answer.get("block_reason"))
    created = answer.pop("created", None) or now
    return openai_image.answer(items, wanted, created, **{name: value for name, value in answer.items() if value is not None})
