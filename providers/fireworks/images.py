"""How are images asked of Fireworks, and what does it answer? Each family of models has an address and a format of its own.

Reference: Fireworks' API reference of November 2026: FLUX.1 at `/workflows/M/text_to_image`, FLUX Kontext, asynchronous, at
`/workflows/M` and `/workflows/M/get_result`, Stable Diffusion XL and its kin at `/image_generation/M`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from enum import Enum
from typing import Any
from urllib.parse import quote

import msgspec

from providers.errors import InvalidResponse
from providers.transport import UpstreamReply
from providers.wire import openai_image
from providers.wire.openai import good_answer

PREFIX = "accounts/fireworks/models/"
RATIOS = ("1:1", "21:9", "16:9", "3:2", "5:4", "4:5", "2:3", "9:16", "9:21", "4:3", "3:4")
FORMATS = ("png", "jpeg")
OURS = frozenset({"n", "stream", "response_format", "size"})
"""What is done here, or translated."""
NOT_TAKEN = frozenset(
    {"background", "input_fidelity", "mask", "moderation", "output_compression", "partial_images", "quality"}
    | {"safety_identifier", "style", "user"}
)
"""What OpenAI has and Fireworks has not; all other fields go upstream."""
FILTERED = "CONTENT_FILTERED"
FILTERED_ANSWER = re.compile(rb'"finishReason"\s*:\s*"CONTENT_FILTERED"')
"""Its image is null then. No text of an answer can hold these bytes: their quotes would be escaped."""


class Api(Enum):
    """A way to images: the path below the base address, and the kind of answer asked for if any will do."""

    FLUX = "/workflows/{model}/text_to_image", "application/json"
    KONTEXT = "/workflows/{model}", "application/json"
    CLASSIC = "/image_generation/{model}", "image/png"

    def path(self, model: str) -> str:
        """The path for a model, whose name may be the last part alone."""
        return self.value[0].format(model=quote(model if "/" in model else PREFIX + model, safe="/"))

    def accept(self, values: dict[str, Any]) -> str:
        """The `Accept` header for a request."""
        wanted = values.get("output_format")
        return f"image/{wanted}" if wanted in FORMATS and self is not Api.KONTEXT else self.value[1]


def api_of(model: str) -> Api:
    """Which way a model has."""
    name = model.rpartition("/")[2].lower()
    if "kontext" in name:
        return Api.KONTEXT
    return Api.FLUX if "flux" in name else Api.CLASSIC


def taken_of(api: Api, values: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What Fireworks takes of a request, and the names of what it does not. A size in pixels becomes width and height, or the
    nearest aspect ratio."""
    left = [name for name in values if name in NOT_TAKEN and values[name] != "auto"]
    taken = {name: value for name, value in values.items() if name not in NOT_TAKEN and name not in OURS}
    if "output_format" in taken and (api is not Api.KONTEXT or taken["output_format"] not in FORMATS):
        left += [] if taken.pop("output_format") in FORMATS else ["output_format"]
    pixels = openai_image.pixels_of(values.get("size"))
    if api is Api.CLASSIC and pixels is not None:
        return {"width": pixels[0], "height": pixels[1], **taken}, left
    ratio = openai_image.nearest_ratio(values.get("size"), RATIOS)
    if ratio is not None:
        taken.setdefault("aspect_ratio", ratio)
    if values.get("size", "auto") != "auto":
        left.append("size")
    return taken, left


def numbered(taken: dict[str, Any], number: int) -> dict[str, Any]:
    """The request for one of several images: with a seed of its own if one is given, or all would be the same."""
    seed = taken.get("seed")
    return {**taken, "seed": seed + number} if number and isinstance(seed, int) and seed else taken


def item_of(reply: UpstreamReply) -> dict[str, Any]:
    """The image of a good answer, be it bytes or JSON. Raises `CallerError` if it was held back, `InvalidResponse`."""
    if (reply.header(b"finish-reason") or b"").decode("latin-1").upper() == FILTERED:
        raise openai_image.refused("Fireworks")
    if (reply.header(b"content-type") or b"").lower().startswith(b"image/"):
        return {"b64_json": b64encode(reply.body).decode()}
    if FILTERED_ANSWER.search(reply.body):
        raise openai_image.refused("Fireworks")
    good_answer.answer_of(reply.body, "base64")
    images = msgspec.json.decode(reply.body)["base64"]
    encoded = images[0] if isinstance(images, list) and images else images
    if not isinstance(encoded, str) or not encoded:
        raise InvalidResponse("the answer has no image")
    return {"b64_json": encoded}
