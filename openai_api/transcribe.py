"""What was said in an exchange? Collected on its way to the client, for observers, and told when it has ended."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from time import perf_counter
from urllib.parse import quote, unquote

import msgspec

from openai_api.context import Gateway, Inbound
from openai_api.errors import ApiError, Headers
from openai_api.hooks.context import SECRET_HEADERS
from openai_api.hooks.request import texts_of
from openai_api.observing.transcript import Pairs, Told, Transcript
from openai_api.outlet import Outlet
from providers.bytes.multipart import BrokenForm
from providers.bytes.sse import Frames

log = logging.getLogger("gateway.observers")
REDACTED = "[REDACTED]"
MOST_PIECES = 100_000


class Collecting:
    """An `Outlet` that keeps what goes through it, up to a size, if it is `wanted` when the answer begins."""

    def __init__(self, inner: Outlet, clock: float, most: int, wanted: Callable[[], bool]) -> None:
        self.inner = inner
        self.headers: Headers = ()
        self.content_type = b""
        self.streamed = False
        self.cut = False
        self.body: list[bytes] = []
        self.pieces: list[tuple[float, int]] = []
        self.wants: bool | None = None
        self._clock = clock
        self._most = most
        self._size = 0
        self._wanted = wanted

    @property
    def finished(self) -> bool:
        return self.inner.finished

    @finished.setter
    def finished(self, value: bool) -> None:
        self.inner.finished = value

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self._begin(headers)
        self.content_type = dict(headers).get(b"content-type", b"")
        self._keep([body])
        await self.inner.whole(status, headers, body)

    async def error(self, error: ApiError, headers: Headers) -> None:
        self._begin((*error.headers, *headers))
        await self.inner.error(error, headers)

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        self._begin(headers)
        self.content_type, self.streamed = content_type, True
        self._keep(first)
        await self.inner.begin(headers, first, content_type)

    async def events(self, frames: Frames) -> None:
        self._keep(frames)
        await self.inner.events(frames)

    async def end(self, frames: Frames) -> None:
        self._keep(frames)
        await self.inner.end(frames)

    def close(self) -> None:
        self.inner.close()

    def _begin(self, headers: Headers) -> None:
        self.wants = self._wanted()
        self.headers = headers

    def _keep(self, frames: Frames) -> None:
        size = sum(map(len, frames))
        if not size or not self.wants:
            return
        self._size += size
        if self._size > self._most:
            self.cut = True
            self.body.clear()
            self.pieces.clear()
            return
        self.body += frames
        if self.streamed and len(self.pieces) < MOST_PIECES:
            self.pieces.append((round((perf_counter() - self._clock) * 1000, 3), size))


def collecting(gateway: Gateway, inbound: Inbound) -> Collecting | None:
    """Puts a collector in front of the outlet, if anybody observes."""
    observing, record = gateway.observing, inbound.record
    if not observing.anybody:
        return None
    made = Collecting(
        inbound.outlet, record.clock, observing.most_bytes, lambda: observing.wants(record.client_name, record.client_id)
    )
    inbound.outlet = made
    return made


def tell(gateway: Gateway, inbound: Inbound, said: Collecting) -> None:
    """Tells observers of an exchange that has ended. Fails nobody."""
    try:
        transcript = transcript_of(gateway, inbound, said)
        if transcript is not None:
            gateway.recorder.tell(transcript)
    except Exception:
        log.exception("an exchange could not be told", extra={"request_id": inbound.request_id})


def transcript_of(gateway: Gateway, inbound: Inbound, said: Collecting) -> Transcript | None:
    """What happened; None if nobody wants to know. Called when the record is complete."""
    record, error, most = inbound.record, inbound.told, gateway.observing.most_bytes
    wanted = gateway.observing.wants(record.client_name, record.client_id) if said.wants is None else said.wants
    if not inbound.observed or not wanted:
        return None
    request = inbound.body if inbound.form is None else _texts(inbound)
    cut = len(request) > most
    answer = b"".join(said.body)
    failed = None if error is None else Told(error.status, error.type, error.code, error.message)
    if failed is not None and not said.streamed and not answer:
        answer = inbound.dialect.error(error.failure(), inbound.request_id) if error is not None else b""
    return Transcript(
        record=record,
        ended=record.started + record.total_s,
        dialect=inbound.dialect.name,
        wire=inbound.wire,
        url=_url(inbound),
        query=_query(inbound),
        request_headers=_shown(inbound.headers.items()),
        request=b"" if cut else request,
        request_cut=cut,
        answer_headers=_shown(said.headers),
        content_type=(said.content_type or dict(inbound.dialect.error_headers).get(b"content-type", b"")).decode("latin-1"),
        answer=answer,
        answer_cut=said.cut,
        streamed=said.streamed,
        pieces=said.pieces,
        complete=said.finished and not record.client_aborted,
        error=failed,
        bodies=inbound.caller.record_bodies,
    )


def _texts(inbound: Inbound) -> bytes:
    try:
        return msgspec.json.encode(texts_of(inbound.form)) if inbound.form is not None else b""
    except (BrokenForm, OSError, ValueError):
        return b""


def _shown(headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name not in SECRET_HEADERS)


def _query(inbound: Inbound) -> str:
    """What follows the path, with the parameter that carries keys made unreadable."""
    query, secret = inbound.query.decode("latin-1"), inbound.dialect.query_key
    if not query or not secret:
        return query
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(
        f"{name}={quote(REDACTED)}" if unquote(name) == secret else f"{name}{sign}{value}" for name, sign, value in pairs
    )


def _url(inbound: Inbound) -> str:
    host = inbound.headers.get(b"host", b"").decode("latin-1")
    query = _query(inbound)
    return f"http://{host}{quote(inbound.path)}{f'?{query}' if query else ''}" if host else ""
