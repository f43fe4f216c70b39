"""Where does an answer go? To a client of HTTP, to a WebSocket, or to a response in the background: each is an outlet."""

from __future__ import annotations

from typing import Protocol

from openai_api.errors import ApiError, Headers
from providers.bytes.sse import Frames


class Outlet(Protocol):
    """Takes one answer: either `whole`, or `error`, or `begin`, then `events` any number of times, then `end`.

    A stream without `end` is cut off. `finished` is set before the last bytes are handed over: a client that leaves after
    that has not aborted. Methods that send raise `ClientGone` if the server reports that the client has left.
    """

    finished: bool

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """An answer whose body is known."""
        ...

    async def error(self, error: ApiError, headers: Headers) -> None:
        """An error instead of an answer, rendered by the outlet; `headers` are added to those of the error."""
        ...

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        """The head of a stream of events, or of opaque bytes, with its first events, if there are any yet."""
        ...

    async def events(self, frames: Frames) -> None:
        """Events, whole and in order. Waits while the client does not read. The list is the outlet's from then on."""
        ...

    async def end(self, frames: Frames) -> None:
        """The last events; the stream is complete with them."""
        ...

    def close(self) -> None:
        """Stops what the outlet does by itself, such as keep-alive comments. Always called after `begin`, perhaps twice."""
        ...


class HeardOutlet:
    """An `Outlet` that keeps a whole answer, for whoever asked inside the gateway."""

    def __init__(self) -> None:
        self.finished = False
        self.body = b""

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.finished, self.body = True, body

    async def error(self, error: ApiError, headers: Headers) -> None:
        raise error

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        raise TypeError("a stream was not asked for")

    async def events(self, frames: Frames) -> None:
        pass

    async def end(self, frames: Frames) -> None:
        pass

    def close(self) -> None:
        pass
