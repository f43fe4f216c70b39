"""What do the steps of a request share? One exchange, which they fill in on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.cache.options import CacheOptions
from openai_api.context import Gateway, Inbound
from openai_api.errors import ApiError
from openai_api.limits.admission import Asking, Lease
from openai_api.recording.events import Record
from openai_api.taps import Tap
from providers.convert.calling import Ask, ask
from providers.types import Answered, Call, Reply, Target

Keep = Callable[[Target, bytes], Awaitable[None]]
"""Keeps the whole of an answer, before the client hears its end."""
Shape = Callable[[bytes], bytes]
"""Puts a whole answer, under the model's public name, into another form of its dialect's."""
Only = Callable[[Target], bool]
"""Whether a target may be tried."""

UNRESOLVED = ModelEntry("", frozenset(), {})
"""Stands for the model of an exchange until its name has been looked up."""


class Hooked(Protocol):
    """The hooks of one exchange, between the steps that they go with. All raise `ApiError`."""

    async def before(self, call: Call) -> Call | Answered:
        """The call as the hooks leave it, or the answer that one of them gives."""
        ...

    def taps(self, call: Call, content_type: str) -> tuple[Tap, ...]:
        """What sees the events of a stream."""
        ...

    async def finish(self, call: Call, reply: Reply) -> Reply:
        """A whole answer as the hooks leave it."""
        ...

    async def failed(self, error: ApiError) -> ApiError:
        """The error that a stream is to end with. Fails nobody."""
        ...

    async def ended(self, call: Call) -> None:
        """Tells the hooks what a stream amounted to, after its end. Fails nobody."""
        ...


class Exchange(msgspec.Struct):
    """One request from its decoded call to the last byte of its answer. The exchange is filled in on the way; the values that it
    holds are immutable, and what changes is another value.

    What an endpoint needs beyond the common journey it gives here: `entry` is the model, if it is known without its name, `ask`
    how a target is asked, `prepare` its own step before a target is chosen, `keep` what takes the whole answer, `shape` what
    form it has for the client, and `only` narrows the targets. `leases` are what the request holds until it ends; `taps` see
    the events of a stream before its outlet; `hooks` are those that run for it; `cached` is what the request says of the cache.
    """

    gateway: Gateway
    inbound: Inbound
    call: Call
    catalog: CatalogSnapshot
    client: Client
    record: Record
    entry: ModelEntry = UNRESOLVED
    ask: Ask = ask
    prepare: Prepare | None = None
    keep: Keep | None = None
    shape: Shape | None = None
    only: Only | None = None
    leases: tuple[Lease, ...] = ()
    taps: tuple[Tap, ...] = ()
    hooks: Hooked | None = None
    cached: CacheOptions | None = None


def asking_of(exchange: Exchange) -> Asking:
    """The request as admissions and gates see it."""
    return Asking(exchange.call, exchange.client, exchange.entry, exchange.catalog, exchange.record, exchange.inbound.headers)


Prepare = Callable[[Exchange], Awaitable[bool]]
"""Completes the call of an exchange, and says whether it has answered the client, too. Raises `ApiError`."""
