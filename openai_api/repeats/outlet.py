"""How does an answer go to its sender and onto the tape? Through an outlet in front of the sender's."""

from __future__ import annotations

from collections.abc import Awaitable

from openai_api.dialects.dialect import Dialect
from openai_api.errors import ApiError, Headers
from openai_api.outlet import Outlet
from openai_api.recording.events import Record
from openai_api.repeats.run import Run
from openai_api.repeats.store import Head, State
from providers.bytes.sse import Frames

TOLD = frozenset({b"content-type", b"x-gateway-model", b"x-gateway-provider", b"x-gateway-lossy", b"x-gateway-estimated"})
"""Headers that a repeat's answer has, too."""
RUNS_AGAIN = frozenset({401, 403, 408, 409, 425, 429})
"""Refusals after which the request may be sent again, beside those of servers."""


class RepeatOutlet:
    """An `Outlet` that tells `inner` and the run. The sender hears the end when it is stored: nobody has the whole of an answer
    that would be made again."""

    def __init__(self, inner: Outlet, run: Run, record: Record, dialect: Dialect, request_id: str) -> None:
        self._inner = inner
        self._run = run
        self._record = record
        self._dialect = dialect
        self._request_id = request_id
        self.finished = False

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self._run.begin(Head(status, _told(headers)))
        self._run.say(body)
        await self._run.end(State.DONE if self._is_kept(status) else State.FAILED)
        self.finished = True
        await self._heard(self._inner.whole(status, headers, body))

    async def error(self, error: ApiError, headers: Headers) -> None:
        if self._run.head.status:
            await self._inner.error(error, headers)
            return
        body = self._dialect.error(error.failure(), self._request_id)
        await self.whole(error.status, (*self._dialect.error_headers, *error.headers, *headers), body)

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        self._run.begin(Head(200, ((b"content-type", content_type), *_told(headers)), streamed=True))
        self._run.say(b"".join(first))
        await self._heard(self._inner.begin(headers, first, content_type))

    async def events(self, frames: Frames) -> None:
        self._run.say(b"".join(frames))
        await self._heard(self._inner.events(frames))

    async def end(self, frames: Frames) -> None:
        self._run.say(b"".join(frames))
        await self._run.end(State.DONE if self._record.error is None else State.FAILED)
        self.finished = True
        await self._heard(self._inner.end(frames))

    def close(self) -> None:
        self._inner.close()

    async def _heard(self, sent: Awaitable[None]) -> None:
        """What the sender hears; after it has left, whatever comes of that is nobody's concern."""
        try:
            await sent
        except Exception:
            if not self._run.left:
                raise

    def _is_kept(self, status: int) -> bool:
        """Answers, and what an upstream says is wrong with the request: it will always be."""
        return status < 400 or (status < 500 and status not in RUNS_AGAIN and bool(self._record.attempts))


def _told(headers: Headers) -> Headers:
    return tuple((name, value) for name, value in headers if name in TOLD)
