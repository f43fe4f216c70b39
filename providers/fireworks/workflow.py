"""What becomes of an image that Fireworks makes in its own time? It is asked for until it is there, and fetched if wanted.

Reference: Fireworks' API reference of November 2026, `get_result`: `{"status", "result": {"sample": URL}, "details"}`.
"""

from __future__ import annotations

from base64 import b64encode
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from providers.errors import InvalidResponse, UpstreamFailed
from providers.http_vendor import COMMON_HEADERS
from providers.transport import Head, Origin, UpstreamReply
from providers.wire import openai_image

READY = "Ready"
MODERATED = frozenset({"Request Moderated", "Content Moderated"})
BROKEN = frozenset({"Error", "Failed"})
UNKNOWN = "Task not found"
KEPT = "!$%&'()*+,/:;=?@[]~"


def text_in(body: bytes, name: str) -> str:
    """A text in an answer. Raises `InvalidResponse` when it is not there."""
    value = _object(body).get(name)
    if not isinstance(value, str) or not value:
        raise InvalidResponse(f"the answer has no {name}")
    return value


def sample_of(body: bytes) -> str | None:
    """The address of the image, "" while it is being made, None if nothing is known of it. Raises `CallerError` if it was
    refused, `UpstreamFailed` if it failed."""
    answer = _object(body)
    status, result = answer.get("status"), answer.get("result")
    if status in MODERATED:
        raise openai_image.refused("Fireworks", status)
    if status in BROKEN:
        raise UpstreamFailed(f"the workflow ended with {status}")
    if status != READY:
        return None if status == UNKNOWN else ""
    sample = result.get("sample") if isinstance(result, dict) else None
    if not isinstance(sample, str) or not sample:
        raise InvalidResponse("the workflow's result has no sample")
    return sample


def head_of_sample(url: str, own: Head) -> Head:
    """The head of the download. The vendor names the address, so it may lead only to a public one by https, or to the
    vendor's own `own` origin, which alone is sent the key. Raises `InvalidResponse`."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        origin = Origin(parts.scheme, host, parts.port or (443 if parts.scheme == "https" else 80))
    except ValueError as error:
        raise InvalidResponse("the address of the image is not a URL") from error
    same = origin == own.origin
    if not same and not _is_public(origin) and not (_is_loopback(origin.host) and _is_loopback(own.origin.host)):
        raise InvalidResponse("the address of the image is not public")
    path = quote(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", safe=KEPT)
    headers = tuple(header for header in own.headers if header[0] not in ("content-type", "accept"))
    return Head("GET", origin, path, headers if same else COMMON_HEADERS)


def downloaded(reply: UpstreamReply) -> dict[str, Any]:
    """The image of a download. Raises `InvalidResponse` for anything else, and for a redirect."""
    kind = (reply.header(b"content-type") or b"").decode("latin-1").lower()
    if reply.status != 200 or not (kind.startswith("image/") or openai_image.kind_of(reply.body)):
        raise InvalidResponse(f"the download of the image gave no image: status {reply.status}")
    return {"b64_json": b64encode(reply.body).decode()}


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = msgspec.json.decode(body, type=dict)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidResponse("the workflow's answer cannot be read") from error
    return answer


def _is_public(origin: Origin) -> bool:
    if origin.scheme != "https" or not origin.host or origin.host.endswith("localhost"):
        return False
    try:
        return ip_address(origin.host).is_global
    except ValueError:
        return "." in origin.host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
