"""How does a stream reach a client of Google's that has not asked for server-sent events? As one JSON list, an element an event.

Format: Google's REST APIs without `alt=sse`: elements with a comma and a line end between. It is valid JSON also when the stream
fails: its last element is the error then.
"""

from __future__ import annotations

from openai_api.dialects.dialect import Dialect
from openai_api.errors import ApiError, Headers
from openai_api.outlet import Outlet
from providers.bytes import sse
from providers.bytes.sse import Frames
from providers.wire.openai.framing import DONE

JSON = b"application/json; charset=UTF-8"
BETWEEN = b",\r\n"


class JsonArray:
    """An `Outlet` in front of another one: what comes as server-sent events goes on as the elements of a list. An error instead
    of a stream is a list, too."""

    def __init__(self, inner: Outlet, dialect: Dialect, request_id: str) -> None:
        self._inner = inner
        self._dialect = dialect
        self._request_id = request_id
        self._lead = b"["

    @property
    def finished(self) -> bool:
        return self._inner.finished

    @finished.setter
    def finished(self, value: bool) -> None:
        self._inner.finished = value

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        await self._inner.whole(status, headers, body)

    async def error(self, error: ApiError, headers: Headers) -> None:
        body = self._dialect.error(error.failure(), self._request_id)
        await self._inner.whole(error.status, (*self._dialect.error_headers, *error.headers, *headers), b"[%b]" % body)

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        await self._inner.begin(headers, self._elements(first), JSON)

    async def events(self, frames: Frames) -> None:
        if out := self._elements(frames):
            await self._inner.events(out)

    async def end(self, frames: Frames) -> None:
        out = self._elements(frames)
        await self._inner.end([*out, b"[]" if self._lead == b"[" else b"\r\n]"])

    def close(self) -> None:
        self._inner.close()

    def _elements(self, frames: Frames) -> Frames:
        """The elements that these frames are; a comment is none."""
        out: Frames = []
        for frame in frames:
            data = sse.data_of(frame)
            if data is None or not data.strip() or data.strip() == DONE:
                continue
            out.append(self._lead + data)
            self._lead = BETWEEN
        frames.clear()
        return out
