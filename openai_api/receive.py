"""How is a request taken in? Its headers are checked, its body read within a size and a time, and only if it can be used."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import chain
from typing import Any

from openai_api.context import Limits, Receive
from openai_api.errors import ApiError, Headers

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
NOT_IN_A_HOST = frozenset(b"/?#@ ")
CLOSE: Headers = ((b"connection", b"close"),)


class ClientGone(Exception):
    """The client left before its request was complete."""


def checked_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """A copy without the names that hold `_`, which some servers take for `-`; trailers that come later are not in it.

    Raises 431 `headers_too_large`, or 400 `invalid_headers` for anything but one good Host and one way to end the body.
    """
    if len(headers) > MAX_HEADERS or sum(map(len, chain.from_iterable(headers))) > MAX_HEADER_BYTES:
        text = f"A request may have {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes in all."
        raise ApiError(431, "headers_too_large", text, headers=CLOSE)
    names = [name for name, _ in headers]
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not hosts[0] or not NOT_IN_A_HOST.isdisjoint(hosts[0]):
        raise ApiError(400, "invalid_headers", "The request must have one Host header.", headers=CLOSE)
    lengths = names.count(b"content-length")
    if lengths > 1 or (lengths and b"transfer-encoding" in names):
        raise ApiError(400, "invalid_headers", "The request says twice how long it is.", headers=CLOSE)
    return [header for header in headers if b"_" not in header[0]]


async def read_body(receive: Receive, headers: list[tuple[bytes, bytes]], limits: Limits) -> bytes:
    """The whole body. Raises 413 `request_too_large`, 415 `unsupported_encoding`, 408 `request_timeout`, `ClientGone`."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > limits.max_body_bytes:
            raise _too_large(limits)
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise ApiError(415, "unsupported_encoding", "Send the body without Content-Encoding.", headers=CLOSE)
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            return await _read(receive, limits)
    except TimeoutError as error:
        raise ApiError(408, "request_timeout", "The request body did not arrive in time.", headers=CLOSE) from error


async def _read(receive: Receive, limits: Limits) -> bytes:
    message = await _message(receive)
    body: bytes = message.get("body", b"")
    if len(body) > limits.max_body_bytes:
        raise _too_large(limits)
    if not message.get("more_body"):
        return body
    parts = [body]
    size = len(body)
    while message.get("more_body"):
        message = await _message(receive)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limits.max_body_bytes:
            raise _too_large(limits)
    return b"".join(parts)


async def _message(receive: Receive) -> Mapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


def _too_large(limits: Limits) -> ApiError:
    text = f"The request body is larger than {limits.max_body_bytes} bytes."
    return ApiError(413, "request_too_large", text, headers=CLOSE)
