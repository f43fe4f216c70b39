"""Has the same been answered before, or is it being answered now? Asked of the cache for every target, before any is tried.

What is kept is what the upstream says, in the wire of the call and before hooks: it goes through the same steps as if it had just
been said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import time

import msgspec

from models_catalog.snapshot import ModelEntry
from openai_api.cache.cache import Cache, owned
from openai_api.cache.entry import Entry, Said, entry_of, fresh_body
from openai_api.cache.joining import Flight, Shared
from openai_api.cache.key import Unkeyed
from openai_api.cache.options import taken_out
from openai_api.cache.place import Place
from openai_api.cache.replayed import Recorded, Replayed
from openai_api.errors import Headers
from openai_api.pipeline.state import Exchange
from openai_api.recording.events import Record
from providers.bytes.patch import fields_of
from providers.convert.counting import ask_count
from providers.convert.verbatim import own_relay
from providers.transport import Transport
from providers.types import Action, Answered, Call, Reply, Target, Wire

CACHED = frozenset(
    {
        Wire.OPENAI_CHAT,
        Wire.OPENAI_COMPLETION,
        Wire.OPENAI_EMBEDDING,
        Wire.OPENAI_RESPONSES,
        Wire.ANTHROPIC_MESSAGES,
        Wire.GEMINI,
        Wire.OLLAMA,
    }
)
"""Wires whose answers may be given again; responses only where no upstream keeps them."""
MISS: Headers = ((b"x-gateway-cache", b"miss"),)
JOINED: Headers = ((b"x-gateway-cache", b"joined"),)
WRITE_ONLY: Headers = ((b"x-gateway-cache", b"write_only"),)
BYPASS: Headers = ((b"x-gateway-cache", b"bypass"),)


class Found(msgspec.Struct):
    """A stored answer, as if its target had just given it."""

    target: Target
    answer: Answered
    told: str
    """"hit" or "joined"."""
    head: Headers


async def take_options(exchange: Exchange) -> None:
    """Takes what the request says of the cache out of its call. Raises 400."""
    call, options = await taken_out(exchange.call)
    exchange.call = call
    if options is not None:
        exchange.cached = options


async def look_up(exchange: Exchange, cache: Cache) -> Found | None:
    """The stored answer. If there is none, what is answered now may be kept; nothing is done where nobody wants it."""
    use = exchange.entry.cache
    if exchange.cached is not None:
        use = exchange.cached.over(use)
    if not (use.reads or use.writes):
        pass_by(exchange)
        return None
    asked = await _placed(exchange, cache)
    if asked is None:
        exchange.inbound.head += BYPASS
        return None
    request, places = asked
    if use.reads:
        found = await cache.find(places, use)
        if found is not None:
            return await _found(exchange, *found)
        running = cache.flights.get(request) if use.joins else None
        if running is not None and (joined := await _joined(exchange, running)) is not None:
            cache.joined += 1
            return joined
    exchange.inbound.head += MISS if use.reads else WRITE_ONLY
    flight = cache.fly(request) if use.joins and request not in cache.flights else None
    if use.writes or flight is not None:
        recording = Recording(exchange, cache, places, flight, writes=use.writes)
        exchange.leases += (recording,)
        exchange.ask = recording.ask
    return None


async def _placed(exchange: Exchange, cache: Cache) -> tuple[bytes, Sequence[Place]] | None:
    """The key of the request and where its answers are kept; None if they may not be."""
    targets = [*_taking_part(exchange)] if _may_be_cached(exchange) else []
    try:
        return await cache.places(exchange.call, exchange.client, exchange.catalog, targets) if targets else None
    except Unkeyed:
        return None


def pass_by(exchange: Exchange) -> None:
    """The cache is not asked, which a request that has said something of it is told."""
    if exchange.cached is not None:
        exchange.inbound.head += BYPASS


def _may_be_cached(exchange: Exchange) -> bool:
    """Whether the answer depends on nothing but the request: no secrets of its own, no upstream that remembers."""
    call = exchange.call
    context = call.response
    return (
        call.wire in CACHED
        and call.form is None
        and not (call.credentials or call.pinned or context.background)
        and context.action is Action.CREATE
        and exchange.ask is not ask_count
    )


def _taking_part(exchange: Exchange) -> Iterator[tuple[ModelEntry, Target]]:
    """The targets whose answers may be kept."""
    call, only = exchange.call, exchange.only
    for leg in exchange.catalog.chain(exchange.entry, call.capability):
        for target in leg.targets[call.capability]:
            if (only is None or only(target)) and _takes_part(call, target):
                yield leg, target


def _takes_part(call: Call, target: Target) -> bool:
    """Not a target that clients pay for themselves, nor one that keeps responses by its own names."""
    return not (target.dynamic or (call.wire is Wire.OPENAI_RESPONSES and target.speaks(call)))


async def _found(exchange: Exchange, place: Place, entry: Entry) -> Found:
    call = exchange.call
    body = await fresh_body(entry, call)
    age = b"%d" % max(0, int(time() - entry.at))
    head: Headers = ((b"x-gateway-cache", b"hit"), (b"age", age))
    answer: Answered
    if entry.stream:
        answer = Replayed(call.wire, entry.content_type, entry.lossy, [body])
    else:
        answer = Reply(
            wire=call.wire,
            body=body,
            fields=fields_of(body) if body.startswith(b"{") else None,
            content_type=entry.content_type,
            lossy=entry.lossy,
            usage=entry.usage,
            estimated=entry.estimated,
        )
    return Found(place.target, answer, "hit", head)


async def _joined(exchange: Exchange, flight: Flight) -> Found | None:
    """What the running call is told, once that is known; None if it has failed."""
    heard = await flight.heard()
    if heard is None:
        return None
    place, answer = heard
    if isinstance(answer, Entry):
        return msgspec.structs.replace(await _found(exchange, place, answer), told="joined", head=JOINED)
    return Found(place.target, answer.listen(exchange.call.response.id), "joined", JOINED) if answer.open else None


class Recording:
    """Keeps the answer of an exchange, once it has ended well, and lets others join in it meanwhile. It is a `Lease`, which is
    told of the end."""

    head: Headers = ()

    def __init__(self, exchange: Exchange, cache: Cache, places: Sequence[Place], flight: Flight | None, *, writes: bool) -> None:
        self._exchange = exchange
        self._cache = cache
        self._ask = exchange.ask
        self._places = {place.target.id: place for place in places}
        self._flight = flight
        self._writes = writes
        self._last: tuple[Place, Call, Reply | Said] | None = None

    async def ask(self, target: Target, call: Call, transport: Transport) -> Answered:
        """As the exchange's own `ask`; what the target says is noted on its way. Raises `ProviderError`."""
        answer = await self._ask(target, call, transport)
        place = self._places.get(target.id)
        self._last = None
        if place is None or own_relay(answer) is not None:
            if self._flight is not None:
                self._flight.end()  # there is nothing to wait for
            return answer
        if isinstance(answer, Reply):
            self._last = place, call, answer
            if self._flight is not None:
                self._flight.tell((place, await entry_of(call, owned(place, self._exchange.client), answer)))
            return answer
        said = Said(answer.wire, answer.content_type, answer.lossy, self._cache.most_answer_bytes)
        self._last = place, call, said
        if self._flight is None:
            return Recorded(answer, said)
        shared = Shared(answer, said, call.response.id)
        self._cache.share(shared)
        self._flight.tell((place, shared))
        return shared.listen(None)

    def settle(self, record: Record) -> None:
        """The request has ended."""
        outlet = self._exchange.inbound.outlet
        if self._flight is not None:
            self._flight.end()
        if self._last is None or not self._writes:
            return
        if outlet.finished and record.error is None and not record.client_aborted:
            place, call, answer = self._last
            self._cache.keep(place, call, self._exchange.client, answer)
