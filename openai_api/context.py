"""Which values go along with a request? What came in, what is remembered of it, and what every request shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

import msgspec

from models_catalog.live import LiveCatalog
from models_catalog.snapshot import CatalogSnapshot, Client, Network
from openai_api.cache.cache import Cache
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.openai import OPENAI
from openai_api.errors import ApiError, Headers, stopped_by_operator
from openai_api.hooks.chain import HookBook
from openai_api.hooks.context import HookContext
from openai_api.limits.admission import Admission, Gate
from openai_api.limits.figures import Figures, NoFigures, NoUsage, UsageStore
from openai_api.limits.guesses import Guesses
from openai_api.observing.observing import Observing
from openai_api.observing.transcript import Transcript
from openai_api.outlet import Outlet
from openai_api.recording.events import Record
from openai_api.recording.metrics import Tally
from openai_api.recording.status import RecorderStatus
from openai_api.repeats.repeats import Repeats
from openai_api.responses.ids import ResponseIds
from openai_api.responses.store import BackgroundResponses, ResponseStore
from openai_api.responses.summaries import Summaries
from openai_api.revocation import Revocations
from openai_api.sessions.sessions import Sessions
from openai_api.sharing.sharing import Sharing
from providers.breaker import Breakers
from providers.bytes.multipart import Form
from providers.transport import Transport
from providers.types import Secret, Wire

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


ANONYMOUS = Client(id="anonymous", name="anonymous")
EMPTY = CatalogSnapshot()


class Inbound(msgspec.Struct):
    """A received request: the decoded path with its variable part, the headers by name (in lower case) and the body,
    or its parts in `form`; `query` is what stands behind the path;
    `peer` is the address of the other end of the connection. `catalog` is the one in force when the request came, read
    once; `caller` is who the key belongs to; `outlet` takes the answer. `wire` is the format of request and answer, once it is
    known; `context` is what hooks know of it, where there are any; `observed` says that observers are told of it,
    `told` is the error that the client was told; `stays`, when the client has left, says that others may wait for the answer;
    `head` are further headers of the answer, whatever it is."""

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
    wire: Wire | None = None
    context: HookContext | None = None
    observed: bool = True
    told: ApiError | None = None
    stays: Callable[[], bool] | None = None
    head: Headers = ()
    ends_with: ApiError | None = None
    """Why its task is cancelled, if it is for a reason that the client is told."""


class Recorder(Protocol):
    """Takes what happened; never fails, never waits."""

    def record(self, record: Record) -> None: ...

    def tell(self, transcript: Transcript) -> None:
        """Hands on a whole exchange, for observers."""
        ...

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
    active: dict[asyncio.Task[Any], Inbound] = field(default_factory=dict)
    works: dict[asyncio.Task[Any], Inbound] = field(default_factory=dict)
    """Requests that are answered in the background: nobody waits for them, and the server ends without them."""
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
        for task, inbound in list(self.active.items()):
            inbound.record.draining = True
            task.cancel()

    def stop(self, request_id: str, started: float) -> bool:
        """Ends one request in flight because an operator wants it; False where it has ended. In the event loop only."""
        for task, inbound in chain(self.active.items(), self.works.items()):
            if (inbound.request_id, inbound.record.started) == (request_id, started) and not inbound.outlet.finished:
                inbound.ends_with = stopped_by_operator()
                task.cancel()
                return True
        return False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost. Bytes and seconds."""

    max_body_bytes: int = 64 * 1024 * 1024
    body_timeout_s: float = 120.0
    body_idle_s: float = 30.0
    socket_s: float = 3600.0
    """How long a WebSocket may last."""


Charge = Callable[[Record, Client, CatalogSnapshot], None]
"""Charges budgets for what a record tells that no request has held; never fails, never waits."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that requests share; built once by the composition root. `serves_data` is false where only the admin
    and the health paths are served. `admissions` and, for each target of a fallback model, `gates` are asked in their order;
    none, and no hooks, cost a request nothing.
    `observing` says whose exchanges are told; `sharing` chooses between routes and knows which are full."""

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
    sharing: Sharing
    metrics_token: Secret | None = None
    authentication: bool = True
    serves_data: bool = True
    admissions: tuple[Admission, ...] = ()
    gates: tuple[Gate, ...] = ()
    hooks: HookBook = field(default_factory=HookBook)
    observing: Observing = field(default_factory=Observing)
    sessions: Sessions | None = None
    trusted_proxies: tuple[Network, ...] = ()
    """Whose `X-Forwarded-For` is believed."""
    revocations: Revocations = field(default_factory=Revocations)
    usage: UsageStore = field(default_factory=NoUsage)
    figures: Figures = field(default_factory=NoFigures)
    cache: Cache | None = None
    repeats: Repeats | None = None
    charge: Charge | None = None


Handler = Callable[[Gateway, Inbound], Awaitable[None]]
"""Serves the requests of a route. Raises `ApiError`."""
