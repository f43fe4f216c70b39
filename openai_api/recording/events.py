"""What is remembered of a request while it is served? Told to the sinks when it has ended."""

from __future__ import annotations

from time import perf_counter, time

import msgspec

from models_catalog.tariffs import Prices
from providers.capabilities import Capability
from providers.types import Usage


class Attempt(msgspec.Struct, omit_defaults=True):
    """One try at a target. `outcome` is "ok", "cancelled" or a failure's code; `upstream_s` its seconds until then; `began` is
    read off the clock of `Record.clock`. `vendor` is the type of the provider, `server` the host that was asked."""

    target: str
    provider: str
    upstream_model: str
    outcome: str = "cancelled"
    failure: str | None = None
    upstream_s: float = 0.0
    began: float = msgspec.field(default_factory=perf_counter)
    vendor: str = ""
    server: str = ""
    message: str = ""
    """What the upstream said of its failure, as `failure_text` leaves it."""


class Record(msgspec.Struct, omit_defaults=True):
    """What is told of a request afterwards: the fold of its journey, filled in along the way. Times are seconds, `started`
    since the epoch. Defaults are left out where it is encoded: half of the fields of most requests.

    | moment | fields |
    |---|---|
    | begun | `request_id`, `method`, `path`, `started`, `clock`, `route` |
    | admitted | `client_id`, `client_name`, `body_bytes`, `model`, `capability`, `pattern`, `stream` |
    | attempt begun, ended | one more of `attempts`; its `began`, then `outcome`, `failure`, `upstream_s` |
    | answered | `served_model`, `prices` |
    | first event | `first_byte_s`, `status` |
    | ended | `usage`, `service_tier`, `units`, `events`, `error`, `client_aborted`, `total_s` |
    | its session found | `session`, `agent`, `tags`, `session_new`, `session_seen` |

    `model` is what the client asked for, `served_model` the one that answered (a fallback model, perhaps); `prices` are those of
    its target at that moment; `route` is the table's spelling of the path. `events` are the events of a stream that stand for a
    token each.
    """

    request_id: str
    method: str
    path: str
    started: float = msgspec.field(default_factory=time)
    clock: float = msgspec.field(default_factory=perf_counter)
    status: int = 0
    client_id: str | None = None
    client_name: str | None = None
    model: str | None = None
    route: str = ""
    capability: Capability | None = None
    served_model: str | None = None
    pattern: str = ""
    prices: Prices | None = None
    body_bytes: int = 0
    stream: bool = False
    events: int = 0
    attempts: list[Attempt] = []
    provider: str = ""
    upstream_model: str = ""
    """The provider and model of the record where no target was tried."""
    counted_apart: bool = False
    """Its tokens, if any, are counted in a row of their own."""
    context_s: float = 0.0
    """Seconds spent on fetching what went before from another upstream."""
    usage: Usage | None = None
    estimated: bool = False
    """Its usage is a guess, at least in part."""
    error: str | None = None
    client_aborted: bool = False
    draining: bool = False
    """Set when the request is cancelled because the server ends."""
    first_byte_s: float | None = None
    total_s: float = 0.0
    tenant: str = ""
    project: str = ""
    person: str = ""
    app: str = ""
    """What the program calls itself."""
    user_agent: str = ""
    test: bool = False
    """The client says that it only tries something."""
    revision: int = 0
    """The version of the catalog that the request was served by; 0 where none was asked."""
    service_tier: str = ""
    """The tier that served, as the upstream told it; "" for the standard one."""
    cache: str = ""
    """"hit" or "joined" where no upstream was asked."""
    units: dict[str, float] = {}
    """What is billed by other units than tokens: request, image, audio_second, character."""
    session: str = ""
    agent: str = ""
    tags: dict[str, str] = {}
    session_new: bool = False
    """This is the first request of its session."""
    session_seen: int = 0
    """How many of its messages were part of an earlier request of the session."""
    trace: str = ""
    """The trace (W3C, 32 hexadecimal digits) that the request is part of, where it is traced."""
    parent_span: str = ""
    """The span of the client's that the request is part of."""
    span: str = ""
    """The span of the request itself."""
    row_id: str = ""
    """Of what several workers may tell, so that all of them tell the same row; "" where the recorder gives an id."""

    def upstream_s(self) -> float:
        """Seconds spent waiting for upstreams."""
        return self.context_s + sum(attempt.upstream_s for attempt in self.attempts)
