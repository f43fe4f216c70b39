"""How is a request's body read? Within a size and a time, and not at all if it could not be used."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from openai_api.context import Limits, Receive
from openai_api.errors import ApiError, Headers

CLOSE: Headers = ((b"connection", b"close"),)


class ClientGone(Exception):
    """The client left before its request was complete."""


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
