"""Which values go along with a request? What came in, what is remembered of it, and what every request shares."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import Any, Protocol

import msgspec

from models_catalog.live import LiveCatalog
from providers.breaker import Breakers
from providers.transport import Transport
from providers.types import Usage

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class Attempt(msgspec.Struct):
    """One try at a target. `outcome` is "ok", "cancelled" or a failure's code; `upstream_s` its seconds until then."""

    target: str
    provider: str
    upstream_model: str
    outcome: str = "cancelled"
    failure: str | None = None
    upstream_s: float = 0.0


class Record(msgspec.Struct):
    """What is told of a request afterwards; filled in along the way. Times are seconds, `started` since the epoch."""

    request_id: str
    method: str
    path: str
    started: float = msgspec.field(default_factory=time)
    clock: float = msgspec.field(default_factory=perf_counter)
    status: int = 0
    client_id: str | None = None
    client_name: str | None = None
    model: str | None = None
    stream: bool = False
    attempts: list[Attempt] = []
    usage: Usage | None = None
    error: str | None = None
    client_aborted: bool = False
    draining: bool = False
    """Set when the request is cancelled because the server ends."""
    first_byte_s: float | None = None
    total_s: float = 0.0
    finished: bool = False
    """Set before the last bytes are sent: from then on a disconnect is the ordinary end."""

    def upstream_s(self) -> float:
        """Seconds spent waiting for upstreams."""
        return sum(attempt.upstream_s for attempt in self.attempts)


class Inbound(msgspec.Struct):
    """A received request: the decoded path with its variable part, all headers (names in lower case) and the body."""

    request_id: str
    method: str
    path: str
    argument: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    record: Record
    send: Send

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header; `name` in lower case."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Recorder(Protocol):
    """Takes what happened; never fails, never waits."""

    def record(self, record: Record) -> None: ...


@dataclass(slots=True)
class ProcessState:
    """What the server knows of itself. `draining` is set by the signal to end; `active` are the requests in flight."""

    version: str
    started: float
    draining: bool = False
    active: dict[asyncio.Task[Any], Record] = field(default_factory=dict)

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


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that requests share; built once by the composition root."""

    catalog: LiveCatalog
    transport: Transport
    breakers: Breakers
    recorder: Recorder
    state: ProcessState
    limits: Limits
    authentication: bool = True
