"""How are images asked for and given?

Format: OpenAI OpenAPI document of August 2026, `/images/*`: JSON or a form in, `data[{url | b64_json}]` or
`image_generation.*` and `image_edit.*` events out. Upstreams of another format get and give plain values, made here.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from math import log
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes import sse
from providers.bytes.data_url import DataUrl
from providers.bytes.multipart import Part
from providers.capabilities import Capability
from providers.errors import CallerError, Unsupported
from providers.types import Call

MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_IMAGES = 16
"""Images in one edit."""
RESPONSE_FORMATS = ("url", "b64_json")
IMAGE_TYPE = re.compile(r"image/[A-Za-z0-9.+-]{1,40}")
SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
DATA_URL = re.compile(r"data:[^,]{0,200};base64,")
TEXTS = frozenset({"prompt", "negative_prompt", "user", "safety_identifier"})
"""Fields of a form that are texts, even if they read as a number."""
SCALAR = re.compile(r"-?\d{1,15}(\.\d{1,15})?|true|false")
SOURCES = ("image", "images", "mask")
MAGIC = MappingProxyType({b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"GIF8": "gif"})
EVENTS = MappingProxyType({Capability.IMAGE_EDIT: "image_edit.completed"})
TOKENS = MappingProxyType({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0})
DETAILS = MappingProxyType({"image_tokens": 0, "text_tokens": 0})


class ImageRequest(msgspec.Struct, kw_only=True):
    """The fields of a request that the gateway reads; everything else passes as it came."""

    model: str | None = None
    n: int | None = None
    stream: bool | None = None
    response_format: str | None = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


class PromptedRequest(ImageRequest, kw_only=True):
    """A request with a prompt: generation and edit."""

    prompt: str


def asked(call: Call) -> dict[str, Any]:
    """The fields of a request, JSON or form, as values; without the model, the gateway's own, those that are null, and the
    images. Of a mask it tells only that there is one."""
    if call.form is None:
        fields = call.fields
        values = {name: msgspec.json.decode(fields.raw(name) or b"null") for name in fields.spans if name not in SOURCES}
        names = set(fields.spans)
    else:
        values = {part.plain_name: _scalar(part) for part in call.form.parts if part.plain_name not in SOURCES}
        names = {part.plain_name for part in call.form.parts}
    if "mask" in names:
        values["mask"] = True
    return {
        name: value
        for name, value in values.items()
        if value is not None and name != "model" and not name.startswith("tensorzero::")
    }


def format_of(call: Call) -> str | None:
    """The `response_format` that a request asks for."""
    if call.form is not None:
        return call.form.text("response_format")
    wanted: str | None = msgspec.json.decode(call.fields.raw("response_format") or b"null")
    return wanted


def sources_of(call: Call) -> list[str | DataUrl]:
    """The addresses of the images to be edited, a `data:` URL for each file; for large JSON to be called in a thread. Raises
    `CallerError` for an image that is named by the id of a file."""
    if call.form is not None:
        return [_source(part) for part in call.form.all("image")]
    given: list[Any] = []
    for name in ("images", "image"):
        value = msgspec.json.decode(call.fields.raw(name) or b"null")
        given += value if isinstance(value, list) else [] if value is None else [value]
    return [_address(item) for item in given]


def pixels_of(size: Any) -> tuple[int, int] | None:
    """Width and height of `"1024x768"`; None for `"auto"` and anything else."""
    match = SIZE.fullmatch(size) if isinstance(size, str) else None
    return (int(match[1]), int(match[2])) if match else None


def nearest_ratio(size: Any, ratios: Iterable[str]) -> str | None:
    """Which of the aspect ratios `"W:H"` comes nearest to a size; None if it is none in pixels."""
    pixels = pixels_of(size)
    if pixels is None:
        return None
    wanted = log(pixels[0] / pixels[1])

    def distance(ratio: str) -> float:
        width, _, height = ratio.partition(":")
        return abs(log(float(width) / float(height)) - wanted)

    return min(ratios, key=distance)


def in_format(item: Mapping[str, Any], wanted: str | None) -> dict[str, Any]:
    """An item of `data` with either `url` or `b64_json`, whichever is wanted, as far as it can be had without a download;
    a base64 that is a `data:` URL is made plain."""
    rest = {name: value for name, value in item.items() if name not in RESPONSE_FORMATS}
    encoded, url = (text if isinstance(text := item.get(name), str) else "" for name in ("b64_json", "url"))
    if not encoded and DATA_URL.match(url):
        encoded, url = url, ""
    if match := DATA_URL.match(encoded):
        encoded = encoded[match.end() :]
    if encoded and wanted == "url":
        return {"url": url or _url_of(encoded), **rest}
    if encoded:
        return {"b64_json": encoded, **rest}
    return {"url": url, **rest} if url else rest


def answer(items: Iterable[Mapping[str, Any]], wanted: str | None, now: int, **more: Any) -> dict[str, Any]:
    """An answer in OpenAI's form. A `usage` that counts no tokens gets zeros."""
    made = {"created": now, **more, "data": [in_format(item, wanted) for item in items]}
    usage = made.get("usage")
    if isinstance(usage, dict):
        made["usage"] = {**TOKENS, "input_tokens_details": {**DETAILS}, **usage}
    return made


def refused(label: str, reason: Any = None) -> CallerError:
    """What to raise when a vendor held all images back, with the vendor's `reason` if that is a text."""
    why = f" It says: {reason[:200]}." if isinstance(reason, str) and reason else ""
    return CallerError(400, f"{label} refused to make this image.{why}", code="content_policy_violation", param="prompt")


def events_of(call: Call, answered: Mapping[str, Any], now: int) -> Iterator[bytes]:
    """The frames of a stream that tells a whole answer: one `completed` event for each image, the last with the usage.
    An image that is known by its address alone keeps `url`, and has no `b64_json` to show."""
    values = asked(call)
    kind = EVENTS.get(call.capability, "image_generation.completed")
    items = answered.get("data") or []
    for number, item in enumerate(items, 1):
        item = in_format(item, "b64_json")
        encoded = item.get("b64_json") or ""
        event = {
            "type": kind,
            "b64_json": encoded,
            "created_at": answered.get("created") or now,
            "size": answered.get("size") or values.get("size") or "auto",
            "quality": answered.get("quality") or values.get("quality") or "auto",
            "background": answered.get("background") or values.get("background") or "auto",
            "output_format": answered.get("output_format") or _kind_of_base64(encoded) or "png",
            **{name: value for name, value in item.items() if name != "b64_json"},
        }
        if number == len(items) and answered.get("usage"):
            event["usage"] = answered["usage"]
        yield b"event: %b\n" % kind.encode() + sse.frame_of(msgspec.json.encode(event))


def _source(part: Part) -> str | DataUrl:
    """The text of a field, or the URL of a file; its kind is told by its first bytes unless it comes with it."""
    if part.filename is None:
        return part.text()
    kind = part.content_type if IMAGE_TYPE.fullmatch(part.content_type) else f"image/{kind_of(part.head) or 'png'}"
    return DataUrl(part, kind)


def _scalar(part: Part) -> Any:
    text = part.text()
    return msgspec.json.decode(text) if part.plain_name not in TEXTS and SCALAR.fullmatch(text) else text


def _address(item: Any) -> str:
    if isinstance(item, dict):
        item = item.get("image_url") or item.get("url")
        item = item.get("url") if isinstance(item, dict) else item
    if isinstance(item, str) and item:
        return item
    message = "This provider takes images by their URL or data only, not by the id of a file."
    raise Unsupported(400, message, code="unsupported_parameter", param="images")


def _url_of(encoded: str) -> str:
    return f"data:image/{_kind_of_base64(encoded) or 'png'};base64,{encoded}"


def kind_of(data: bytes) -> str | None:
    """Which kind of image the bytes are."""
    return next((kind for magic, kind in MAGIC.items() if data.startswith(magic)), None)


def _kind_of_base64(encoded: str) -> str | None:
    return next((kind for magic, kind in BASE64_MAGIC.items() if encoded.startswith(magic)), None)


BASE64_MAGIC = MappingProxyType(
    {b64encode(magic).decode().rstrip("=")[: len(magic) * 4 // 3]: kind for magic, kind in MAGIC.items()}
)
"""How the base64 of each kind begins."""
