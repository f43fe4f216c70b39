"""How is a vendor's event stream put right on its way? Event by event, as they come, and none is kept."""

from __future__ import annotations

from collections.abc import Callable

from providers.bytes import sse
from providers.openai_compatible.either_form import OpenAIStream


class RewrittenStream:
    """A stream whose server-sent events of at most `limit` bytes go through `rewrite` one by one; it gives the bytes for the
    client, perhaps none."""

    def __init__(self, stream: OpenAIStream, rewrite: Callable[[bytes], bytes], limit: int = sse.MAX_FRAME_BYTES) -> None:
        self.wire, self.content_type, self.lossy = stream.wire, stream.content_type, stream.lossy
        self.extend, self.close = stream.extend, stream.close
        self._stream = stream
        self._rewrite = rewrite
        self._splitter = sse.FrameSplitter(limit)

    async def next(self) -> bytes:
        while chunk := await self._stream.next():
            if out := b"".join(map(self._rewrite, self._splitter.feed(chunk))):
                return out
        rest = self._splitter.rest()
        return self._rewrite(rest) if rest else b""
