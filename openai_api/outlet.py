"""Where does an answer go? To a client of HTTP, to a WebSocket, or to a response in the background: each is an outlet."""

from __future__ import annotations

from typing import Protocol

from openai_api.errors import ApiError, Headers
from providers.bytes.sse import Frames


class Outlet(Protocol):
    """Takes one answer: either `whole`, or `error`, or `begin`, then `events` any number of times, then `end`.

    A stream that has no `end` is cut off. `finished` is set before the last bytes are handed over: from then on it is no
    abort when the client leaves. All that sends raises `ClientGone` where the server tells of that.
    """

    finished: bool

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """An answer whose body is known."""
        ...

    async def error(self, error: ApiError, headers: Headers) -> None:
        """In place of an answer; `headers` come after those of the error. The outlet renders it."""
        ...

    async def begin(self, headers: Headers, first: Frames, sound: bytes) -> None:
        """The head of a stream of events or, with the content type of `sound`, of bytes that mean nothing to us, and the first
        of them, if there are any yet."""
        ...

    async def events(self, frames: Frames) -> None:
        """Events, whole and in order. Waits while the client does not read."""
        ...

    async def end(self, frames: Frames) -> None:
        """The last events; the stream is complete with them."""
        ...

    def close(self) -> None:
        """Stops what the outlet does by itself. Comes after `begin`, in any case, once or more often."""
        ...
