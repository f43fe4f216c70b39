"""How is a stream heard by somebody beside its client, and given again? As streams of the same pieces."""

from __future__ import annotations

from typing import Any

from openai_api.cache.entry import Said
from providers.bytes.sse import Frames
from providers.types import FrameStream, ReplyStream, Wire


class Recorded:
    """A stream that notes what it says in `said`; else it is the `inner` one."""

    def __init__(self, inner: ReplyStream | FrameStream, said: Said) -> None:
        self.wire, self.content_type, self.lossy = inner.wire, inner.content_type, inner.lossy
        self.extend, self.close = inner.extend, inner.close
        self.fail = getattr(inner, "fail", None)
        self._next = inner.next
        self._said = said

    async def next(self) -> Any:
        """The next bytes, or frames. Raises `ProviderError`."""
        piece = await self._next()
        self._said.add(piece)
        return piece


class Replayed:
    """A stream that was said before: `pieces`, at once."""

    fail = None

    def __init__(self, wire: Wire, content_type: bytes, lossy: tuple[str, ...], pieces: Frames) -> None:
        self.wire, self.content_type, self.lossy = wire, content_type, lossy
        self._pieces = pieces

    async def next(self) -> bytes:
        """The next bytes, b"" at the end."""
        return self._pieces.pop(0) if self._pieces else b""

    def extend(self, seconds: float) -> None:
        """Nothing is waited for."""

    def close(self) -> None:
        """Nothing is held."""
