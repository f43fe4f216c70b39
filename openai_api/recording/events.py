"""What is remembered of a request while it is served? Told to the sinks when it has ended."""

from __future__ import annotations

from time import perf_counter, time

import msgspec

from models_catalog.snapshot import Prices
from providers.capabilities import Capability
from providers.types import Usage


class Attempt(msgspec.Struct, omit_defaults=True):
    """One try at a target. `outcome` is "ok", "cancelled" or a failure's code; `upstream_s` its seconds until then; `began` is
    read off the clock of `Record.clock`."""

    target: str
    provider: str
    upstream_model: str
    outcome: str = "cancelled"
    failure: str | None = None
    upstream_s: float = 0.0
    began: float = msgspec.field(default_factory=perf_counter)


class Record(msgspec.Struct, omit_defaults=True):
    """What is told of a request afterwards: the fold of its journey, filled in along the way. Times are seconds, `started`
    since the epoch. Defaults are left out where it is encoded: half of the fields of most requests.

    | moment | fields |
    |---|---|
    | begun | `request_id`, `method`, `path`, `started`, `clock`, `route` |
    | admitted | `client_id`, `client_name`, `body_bytes`, `model`, `capability`, `pattern`, `prices`, `stream` |
    | attempt begun, ended | one more of `attempts`; its `began`, then `outcome`, `failure`, `upstream_s` |
    | first event | `first_byte_s`, `status`, `served_model` |
    | ended | `usage`, `events`, `error`, `client_aborted`, `total_s` |

    `model` is what the client asked for, `served_model` the one that answered (a fallback model, perhaps), with its
    `prices`; `route` is the table's spelling of the path. `events` are the events of a stream that stand for a token each.
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
    error: str | None = None
    client_aborted: bool = False
    draining: bool = False
    """Set when the request is cancelled because the server ends."""
    first_byte_s: float | None = None
    total_s: float = 0.0
    row_id: str = ""
    """Of what several workers may tell, so that all of them tell the same row; "" where the recorder gives an id."""

    def upstream_s(self) -> float:
        """Seconds spent waiting for upstreams."""
        return self.context_s + sum(attempt.upstream_s for attempt in self.attempts)
