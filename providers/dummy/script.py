"""What does the name of the model say? Words joined by `+`: when to wait, how to fail, where a stream ends.

The package's docstring lists the words.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable

from providers.errors import ConnectFailed, FirstByteTimeout, InvalidResponse, ProviderError, UpstreamReset
from providers.types import EVENT_STREAM, Wire
from providers.wire.openai.errors import failure_of

WORD = re.compile(r"(?P<verb>[a-z-]+?)(?:-(?P<number>\d+)(?P<unit>ms|s)?)?$")
FAILURES: dict[str, Callable[[], ProviderError]] = {
    "refused": ConnectFailed,
    "reset": UpstreamReset,
    "timeout": FirstByteTimeout,
    "garbage": InvalidResponse,
}
ERROR_EVENT = b'data: {"error":{"message":"The script says so.","type":"server_error","param":null,"code":null}}\n\n'


class Script:
    """The parsed name: the numbers of its verbs, durations in seconds."""

    def __init__(self, name: str) -> None:
        self.words: dict[str, float] = {}
        for word in name.split("+"):
            if match := WORD.match(word):
                number = float(match["number"] or 0)
                self.words[match["verb"]] = number / 1000 if match["unit"] == "ms" else number

    async def begin(self) -> None:
        """Waits and fails as the script says."""
        await asyncio.sleep(self.words.get("slow", 0))
        for verb, failure in FAILURES.items():
            if verb in self.words:
                raise failure()
        if status := int(self.words.get("status", 0)):
            raise failure_of(status, [], b'{"error":{"message":"The script says so."}}')
        if "rate-limited" in self.words:
            raise failure_of(429, [(b"retry-after", b"%d" % self.words["rate-limited"])], b"")

    def stream(self, wire: Wire, parts: Iterable[bytes], last: bytes = b"", content_type: bytes = EVENT_STREAM) -> DummyStream:
        """The stream of these parts and of what is `last`, slowed down, cut off, broken or ended with an error by the script."""
        return DummyStream(wire, content_type, self._told(parts, last, content_type))

    async def _told(self, parts: Iterable[bytes], last: bytes, content_type: bytes) -> AsyncGenerator[bytes, None]:
        for sent, part in enumerate(parts):
            if sent == self.words.get("break"):
                raise UpstreamReset
            if sent == self.words.get("cut"):
                return
            if sent == self.words.get("error"):
                if content_type is not EVENT_STREAM:
                    raise UpstreamReset  # in sound there is no other way to say it
                yield ERROR_EVENT
                return
            yield part
            await asyncio.sleep(self.words.get("pace", 0))
        if last:
            yield last


class DummyStream:
    """A scripted stream."""

    lossy: tuple[str, ...] = ()

    def __init__(self, wire: Wire, content_type: bytes, parts: AsyncGenerator[bytes, None]) -> None:
        self.wire = wire
        self.content_type = content_type
        self._parts = parts

    async def next(self) -> bytes:
        return await anext(self._parts, b"")

    def extend(self, seconds: float) -> None:
        """Its pace is its own; nothing times out."""

    def close(self) -> None:
        """It holds nothing that needs to be given back."""
