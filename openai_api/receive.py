"""How is a request taken in? Its headers are checked, its body read within a size and a time, and only if it can be used."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from openai_api.context import Limits, Receive
from openai_api.disconnect import Message, Rest, first_step
from openai_api.errors import CREDENTIAL_HEADERS, ApiError, Headers, conflicting_credentials

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
ONCE = (b"host", b"content-length")
NOT_IN_A_HOST = frozenset(b"/?#@ ")
CLOSE: Headers = ((b"connection", b"close"),)


class ClientGone(Exception):
    """The client left before its request was complete."""


def checked_headers(headers: list[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    """The headers by name. Names that hold `_`, which some servers take for `-`, and trailers, which come later, are not
    among them.

    Raises 431 `headers_too_large`, or 400 `invalid_headers` for anything but one good Host, one way to end the body, and
    one key in each credential header.
    """
    found = dict(headers)
    size = sum(map(len, found)) + sum(map(len, found.values()))
    if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        text = f"A request may have {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes in all."
        raise ApiError(431, "headers_too_large", text, headers=CLOSE)
    if len(found) != len(headers):
        _refuse_repeated(headers)
    host = found.get(b"host")
    if not host or not NOT_IN_A_HOST.isdisjoint(host):
        raise ApiError(400, "invalid_headers", "The request must have one Host header.", headers=CLOSE)
    if b"transfer-encoding" in found and b"content-length" in found:
        raise ApiError(400, "invalid_headers", "The request says twice how long it is.", headers=CLOSE)
    if b"_" in b"".join(found):
        return {name: value for name, value in found.items() if b"_" not in name}
    return found


def _refuse_repeated(headers: list[tuple[bytes, bytes]]) -> None:
    names = [name for name, _ in headers]
    for name in ONCE:
        if names.count(name) > 1:
            raise ApiError(400, "invalid_headers", f"The request has more than one {name.decode()}.", headers=CLOSE)
    for credential in CREDENTIAL_HEADERS:
        if len({value for name, value in headers if name == credential}) > 1:
            raise conflicting_credentials()


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limits: Limits) -> bytes:
    """The whole body. Raises 413 `request_too_large`, 415 `unsupported_encoding`, 408 `request_timeout`, `ClientGone`."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limits.max_body_bytes:
        raise _too_large(limits)
    if headers.get(b"content-encoding", b"").strip().lower() not in (b"", b"identity"):
        raise ApiError(415, "unsupported_encoding", "Send the body without Content-Encoding.", headers=CLOSE)
    first = first_step(receive())
    if not isinstance(first, Rest) and not first.get("more_body"):
        return _part(first, limits.max_body_bytes, limits)  # the commonest: the body has come with the head
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            return await _read(receive, await first if isinstance(first, Rest) else first, limits)
    except TimeoutError as error:
        raise ApiError(408, "request_timeout", "The request body did not arrive in time.", headers=CLOSE) from error


async def _read(receive: Receive, message: Message, limits: Limits) -> bytes:
    parts = [_part(message, limits.max_body_bytes, limits)]
    left = limits.max_body_bytes - len(parts[0])
    while message.get("more_body"):
        message = await receive()
        parts.append(_part(message, left, limits))
        left -= len(parts[-1])
    return b"".join(parts)


def _part(message: Message, most: int, limits: Limits) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if len(body) > most:
        raise _too_large(limits)
    return body


def _too_large(limits: Limits) -> ApiError:
    text = f"The request body is larger than {limits.max_body_bytes} bytes."
    return ApiError(413, "request_too_large", text, headers=CLOSE)
