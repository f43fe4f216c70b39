"""Does a stream's client know that we are still there? One timer a stream, no task while all goes well."""

from __future__ import annotations

import asyncio

from openai_api.context import Send

SILENCE_S = 15.0
PIECE = 1024 * 1024
"""How many bytes the server is given at a time: while the client takes them, others are served."""


class Pulse:
    """Sends the parts of a stream; between them the `ping` after every `silence` seconds without one, unless it is b""."""

    def __init__(self, send: Send, ping: bytes, *, silence: float = SILENCE_S) -> None:
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._silence = silence
        self._ping = ping
        self._last = self._loop.time()
        self._sending = False
        self._pinging: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(silence, self._beat)

    async def send(self, data: bytes) -> None:
        """Sends a part of the stream, waiting as long as the client does not read."""
        self._sending = True
        for start in range(0, len(data), PIECE):
            await self._send({"type": "http.response.body", "body": data[start : start + PIECE], "more_body": True})
        self._sending = False
        self._last = self._loop.time()

    def stop(self) -> None:
        """Ends the pulse. No ping comes after it."""
        self._timer.cancel()
        if self._pinging is not None:
            self._pinging.cancel()

    def _beat(self) -> None:
        quiet = self._loop.time() - self._last
        waiting = self._sending or (self._pinging is not None and not self._pinging.done())
        if self._ping and not waiting and quiet >= self._silence:
            self._pinging = self._loop.create_task(self._say())
        again = self._silence if waiting or quiet >= self._silence else self._silence - quiet
        self._timer = self._loop.call_later(again, self._beat)

    async def _say(self) -> None:
        await self._send({"type": "http.response.body", "body": self._ping, "more_body": True})
        self._last = self._loop.time()
