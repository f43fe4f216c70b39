"""Is a stream's client still there, and does it know that we are? One timer a stream, no task while all goes well."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from openai_api.context import Send

SILENCE_S = 15.0
STALL_S = 120.0
COMMENT: Mapping[str, Any] = {"type": "http.response.body", "body": b": keep-alive\n\n", "more_body": True}


class Pulse:
    """Sends the messages of a stream; between them a comment after every `silence` seconds without one.

    A client that takes nothing for `stall` seconds has the task that made the pulse cancelled; `stalled` is true then.
    """

    def __init__(self, send: Send, *, silence: float = SILENCE_S, stall: float = STALL_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._silence = silence
        self._stall = stall
        self._task = asyncio.current_task()
        self._last = self._loop.time()
        self._sending = False
        self._comment: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(silence, self._beat)
        self.stalled = False

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message, waiting as long as the client does not read."""
        self._sending = True
        await self._send(message)
        self._sending = False
        self._last = self._loop.time()

    def stop(self) -> None:
        """Ends the pulse. No comment comes after it."""
        self._timer.cancel()
        if self._comment is not None:
            self._comment.cancel()

    def _beat(self) -> None:
        quiet = self._loop.time() - self._last
        waiting = self._sending or (self._comment is not None and not self._comment.done())
        if waiting and quiet >= self._stall and self._task is not None:
            self.stalled = True
            self._task.cancel()
            return
        if not waiting and quiet >= self._silence:
            self._comment = self._loop.create_task(self._say())
        again = self._silence if waiting or quiet >= self._silence else self._silence - quiet
        self._timer = self._loop.call_later(again, self._beat)

    async def _say(self) -> None:
        await self._send(COMMENT)
        self._last = self._loop.time()
