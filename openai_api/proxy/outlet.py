"""How does an upstream's answer reach the client as it is? Under the upstream's own status and headers."""

from __future__ import annotations

from typing import Any, NamedTuple

from openai_api.errors import ApiError, Headers
from openai_api.http.outlet import HttpOutlet
from openai_api.outlet import Outlet
from openai_api.proxy.headers import sent_down
from providers import transport
from providers.bytes.sse import Frames


class Head(NamedTuple):
    """Status and headers of the upstream's answer; `exact` says that its length is right, since nothing is changed in it."""

    status: int
    headers: transport.Headers
    exact: bool = False


class ProxyOutlet(HttpOutlet):
    """The end of the way: sends the head as it is given while `passed` is the status of an upstream's answer, and everything else
    as the gateway does."""

    passed: int | None = None

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        if self.passed is None:
            await super().begin(headers, first, content_type)
            return
        await self._send(self._head(self.passed, headers))
        if first:
            await self.events(first)

    def _head(self, status: int, headers: Headers) -> dict[str, Any]:
        if self.passed is None:
            return super()._head(status, headers)
        return {"type": "http.response.start", "status": status, "headers": list(headers)}


class Under:
    """An `Outlet` in front of others, which puts answers under the head of the `upstream`, once that is known. What the gateway
    says itself (a refusal of a hook, an upstream that cannot be reached) looks as everywhere else."""

    def __init__(self, inner: Outlet, end: ProxyOutlet) -> None:
        self.upstream: Head | None = None
        self._inner = inner
        self._end = end
        self.events, self.end, self.close = inner.events, inner.end, inner.close

    @property
    def finished(self) -> bool:
        return self._inner.finished

    @finished.setter
    def finished(self, value: bool) -> None:
        self._inner.finished = value

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        if self.upstream is not None:
            status, headers = self._passed(self.upstream, length=False)
        await self._inner.whole(status, headers, body)

    async def error(self, error: ApiError, headers: Headers) -> None:
        self._end.passed = self.upstream = None
        await self._inner.error(error, headers)

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        if self.upstream is not None:
            _, headers = self._passed(self.upstream, length=self.upstream.exact)
            content_type = dict(headers).get(b"content-type", b"")
        await self._inner.begin(headers, first, content_type)

    def _passed(self, upstream: Head, *, length: bool) -> tuple[int, Headers]:
        self._end.passed = upstream.status
        return upstream.status, sent_down(upstream.headers, length=length)
