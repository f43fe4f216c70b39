"""How do equal requests that come at the same time share one call? The first one's is made, the others hear what it is told.

A stream is read by a task, for as long as somebody listens: the one whose call it was may leave before the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from openai_api.cache.entry import Entry, Said, found_id, renamed
from openai_api.cache.place import Place
from openai_api.tape import Tape
from providers.bytes.sse import Frames
from providers.errors import ProviderError, StreamTruncated
from providers.types import FrameStream, ReplyStream, Wire
from providers.wire.over_http import OVER_HTTP

AHEAD = 64
"""Pieces that are read before any listener has taken them."""
Heard = tuple[Place, "Entry | Shared"]


class Flight:
    """A call that others may join until it has ended."""

    def __init__(self, landed: Callable[[], object]) -> None:
        self._landed = landed
        self._told: asyncio.Future[Heard | None] = asyncio.get_running_loop().create_future()

    def tell(self, heard: Heard | None) -> None:
        """What the others hear; nothing if the call has failed. Only the first one counts."""
        if not self._told.done():
            self._told.set_result(heard)

    def end(self) -> None:
        """Nobody may join any more; who waits still goes on by itself. Only the first end counts: another call may be joined by
        the same key since then."""
        landed, self._landed = self._landed, _nothing
        landed()
        self.tell(None)

    async def heard(self) -> Heard | None:
        """What is told."""
        return await asyncio.shield(self._told)


class Shared:
    """A stream with several listeners. `response` is the id of the response that it tells, "" for other answers."""

    def __init__(self, inner: ReplyStream | FrameStream, said: Said, response: str) -> None:
        self.wire, self.content_type, self.lossy = inner.wire, inner.content_type, inner.lossy
        self.response = response
        self._inner = inner
        self._said = said
        self._tape: Tape[bytes | Frames] = Tape()
        self._taken = 0
        self._moved = asyncio.Event()
        self._listening = 0
        self.task = asyncio.create_task(self._read(), name="cache-shared-stream")

    @property
    def open(self) -> bool:
        """Whether it can be joined."""
        return self._listening > 0 and self._tape.error is None

    def listen(self, response: str | None) -> Listener:
        """One more who hears it; under an id of its own unless that is None."""
        self._listening += 1
        return Listener(self, self._tape, response)

    def extend(self, seconds: float) -> None:
        """Moves the deadline of the next piece."""
        self._inner.extend(seconds)

    def fail(self, code: str, message: str, more: Any) -> Frames:
        """As the stream's own; what one listener is told of its end, the others are not."""
        fail = getattr(self._inner, "fail", None)
        return fail(code, message, more) if fail is not None and self._listening == 1 else []

    def took(self, count: int) -> None:
        """A listener has taken so many pieces."""
        if count > self._taken:
            self._taken = count
            self._moved.set()

    def leave(self) -> None:
        """A listener has what it wants."""
        self._listening -= 1
        if self._listening <= 0:
            self.task.cancel()

    async def _read(self) -> None:
        try:
            while piece := await self._inner.next():
                self._said.add(piece)
                self._tape.add(piece)
                while len(self._tape.pieces) - self._taken > AHEAD:
                    self._moved.clear()
                    await self._moved.wait()
            self._tape.end()
        except ProviderError as error:
            self._tape.end(error)
        finally:
            self._tape.end(StreamTruncated())
            self._inner.close()


class Listener:
    """A `ReplyStream`, or a `FrameStream`, of a shared stream. One that has joined has an id of its own for the answer."""

    def __init__(self, shared: Shared, tape: Tape[bytes | Frames], response: str | None) -> None:
        self.wire, self.content_type, self.lossy = shared.wire, shared.content_type, shared.lossy
        self.extend, self.fail = shared.extend, shared.fail
        self._shared = shared
        self._tape = tape
        self._taken = 0
        self._left = False
        self._names = None if response is None else _Names(shared.wire, shared.response, response)

    async def next(self) -> Any:
        """The next piece. Raises `ProviderError`."""
        while await self._tape.heard(self._taken):
            piece = self._tape.pieces[self._taken]
            self._taken += 1
            self._shared.took(self._taken)
            out = piece if self._names is None else self._names.on(piece)
            if out:
                return out
        if self._tape.error is not None:
            raise self._tape.error
        return b"" if self._names is None else self._names.rest()

    def close(self) -> None:
        """Hears no more of it."""
        if not self._left:
            self._left = True
            self._shared.leave()


class _Names:
    """Puts another id in place of the answer's, frame by frame."""

    def __init__(self, wire: Wire, known: str, response: str) -> None:
        self._splitter = OVER_HTTP[wire].framing.splitter()
        self._known, self._response = known, response
        self._fresh = ""

    def on(self, piece: bytes | Frames) -> Frames:
        frames = self._splitter.feed(piece) if isinstance(piece, bytes) else piece
        return [self._named(frame) for frame in frames]

    def rest(self) -> bytes:
        rest = self._splitter.rest()
        self._splitter = OVER_HTTP[Wire.OPENAI_CHAT].framing.splitter()
        return rest

    def _named(self, frame: bytes) -> bytes:
        if not self._known:
            self._known = found_id(frame)
        if not self._known:
            return frame
        frame, self._fresh = renamed(frame, self._known, self._response, self._fresh)
        return frame


def _nothing() -> None:
    """It has landed."""
