"""How large may a request body be, and how long may it take to come?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import monotonic

from openai_api.context import Limits, Receive
from openai_api.errors import CLOSE, ApiError
from openai_api.http.disconnect import Message, Rest


class BoundedBody:
    """An ASGI `receive` whose body may have `max_body_bytes` and `body_timeout_s`, and each of its pieces `body_idle_s`.

    Raises 413 `request_too_large` and 408 `request_timeout`, which end the connection. After the last piece there is no
    bound any more: from then on one waits for the client to leave.
    """

    __slots__ = ("_ended", "_ends", "_limits", "_receive", "size")

    def __init__(self, receive: Receive, limits: Limits) -> None:
        self.size = 0
        """Bytes that have come."""
        self._receive = receive
        self._limits = limits
        self._ends = monotonic() + limits.body_timeout_s
        self._ended = False

    async def __call__(self) -> Message:
        """The next message."""
        if self._ended:
            return await self._receive()
        return self.counted(await self._in_time(self._receive()))

    async def begin(self, first: Message | Rest) -> Message:
        """The first message, where `receive` was called already."""
        return self.counted(await self._in_time(first) if isinstance(first, Rest) else first)

    def counted(self, message: Message) -> Message:
        """The message, if the body is not too large with it."""
        self.size += len(message.get("body", b""))
        if self.size > self._limits.max_body_bytes:
            raise too_large(self._limits)
        self._ended = not message.get("more_body")
        return message

    async def _in_time(self, message: Awaitable[Message]) -> Message:
        try:
            async with asyncio.timeout(min(self._limits.body_idle_s, self._ends - monotonic())):
                return await message
        except TimeoutError as error:
            raise ApiError(408, "request_timeout", "Timed out while reading the request body.", headers=CLOSE) from error


def too_large(limits: Limits) -> ApiError:
    """The body has more bytes than it may have, or is said to have them."""
    text = f"Request body exceeds the {limits.max_body_bytes}-byte limit."
    return ApiError(413, "request_too_large", text, headers=CLOSE)
