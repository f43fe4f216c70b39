"""Which values go along with a request? What came in, what is remembered of it, and what every request shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from models_catalog.live import LiveCatalog
from models_catalog.snapshot import CatalogSnapshot, Client
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.openai import OPENAI
from openai_api.hooks import Hook
from openai_api.limits.admission import Admission
from openai_api.limits.guesses import Guesses
from openai_api.outlet import Outlet
from openai_api.recording.events import Record
from openai_api.recording.metrics import Tally
from openai_api.recording.status import RecorderStatus
from openai_api.responses.ids import ResponseIds
from openai_api.responses.store import BackgroundResponses, ResponseStore
from openai_api.responses.summaries import Summaries
from providers.breaker import Breakers
from providers.bytes.multipart import Form
from providers.transport import Transport
from providers.types import Secret

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


ANONYMOUS = Client(id="anonymous", name="anonymous")
EMPTY = CatalogSnapshot()


class Inbound(msgspec.Struct):
    """A received request: the decoded path with its variable part, the headers by name (in lower case) and the body,
    or its parts in `form`; `query` is what stands behind the path;
    `peer` is the address of the other end of the connection. `catalog` is the one in force when the request came, read
    once; `caller` is who the key belongs to; `outlet` takes the answer."""

    request_id: str
    method: str
    path: str
    argument: str
    headers: Mapping[bytes, bytes]
    body: bytes
    record: Record
    outlet: Outlet
    form: Form | None = None
    query: bytes = b""
    peer: str = ""
    catalog: CatalogSnapshot = EMPTY
    caller: Client = ANONYMOUS
    dialect: Dialect = OPENAI


class Recorder(Protocol):
    """Takes what happened; never fails, never waits."""

    def record(self, record: Record) -> None: ...

    def status(self) -> RecorderStatus: ...


class Metrics(Protocol):
    """Gives what all workers have counted."""

    def total(self) -> Tally: ...


@dataclass(slots=True)
class ProcessState:
    """What the server knows of itself. `draining` is set by the signal to end; `active` are the requests in flight."""

    version: str
    started: float
    draining: bool = False
    active: dict[asyncio.Task[Any], Record] = field(default_factory=dict)
    counted: dict[str, None] = field(default_factory=dict)
    """Responses in the background whose tokens have been counted, the latest last."""
    sockets: set[Callable[[], None]] = field(default_factory=set)
    """Connections that stay open between their requests; called when the server begins to end."""

    def drain(self) -> None:
        """Begins to end: nothing new is taken, and connections with nothing to do are closed."""
        self.draining = True
        for wake in list(self.sockets):
            wake()

    def end_all(self) -> None:
        """Cancels every request in flight; streams then end in-band, others with 503."""
        for task, record in list(self.active.items()):
            record.draining = True
            task.cancel()


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost. Bytes and seconds."""

    max_body_bytes: int = 64 * 1024 * 1024
    body_timeout_s: float = 120.0
    body_idle_s: float = 30.0
    socket_s: float = 3600.0
    """How long a WebSocket may last."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that requests share; built once by the composition root. `serves_data` is false where only the admin
    and the health paths are served. `admissions` and `hooks` are asked in their order; an empty tuple costs a request nothing."""

    catalog: LiveCatalog
    transport: Transport
    breakers: Breakers
    recorder: Recorder
    state: ProcessState
    guesses: Guesses
    limits: Limits
    metrics: Metrics
    response_ids: ResponseIds
    summaries: Summaries
    responses: ResponseStore
    background: BackgroundResponses
    metrics_token: Secret | None = None
    authentication: bool = True
    serves_data: bool = True
    admissions: tuple[Admission, ...] = ()
    hooks: tuple[Hook, ...] = ()


Handler = Callable[[Gateway, Inbound], Awaitable[None]]
"""Serves the requests of a route. Raises `ApiError`."""
