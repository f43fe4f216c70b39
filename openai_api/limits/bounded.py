"""May the request go on, by all rules at once? One take from one store; what refuses it takes nothing from the others.

A request whose key may wait stands in a line instead of being refused (`lines.py`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

from openai_api.errors import RETRY_SOON, ApiError, Headers
from openai_api.limits.admission import Asking
from openai_api.limits.journal import Entry
from openai_api.limits.lines import PLACE_S, Lines, Ticket
from openai_api.limits.parts import Part, Rules, Seen
from openai_api.limits.store import LOOKED, MOST, NEVER, Counter, Found, Kind, Store, Taken, Verdict, refusing
from openai_api.limits.told import LOCAL
from openai_api.recording.events import Record


class Asked(NamedTuple):
    """Rules, and what they ask for a request."""

    rules: Rules
    part: Part


def hold_ids() -> Callable[[], str]:
    """Ids that no other worker gives."""
    worker, numbers = os.urandom(8).hex(), count()
    return lambda: f"{worker}-{next(numbers)}"


class Claim:
    """What a request asks of all rules, in one take."""

    __slots__ = ("asked", "counters", "hold", "notes")

    def __init__(self, hold: str, asked: Sequence[Asked]) -> None:
        self.hold = hold
        self.asked = asked
        self.counters: Sequence[Counter] = asked[0].part.counters
        self.notes: Sequence[Entry] = asked[0].part.begun(hold)
        for one in asked[1:]:
            self.counters = [*self.counters, *one.part.counters]
            self.notes = [*self.notes, *one.part.begun(hold)]

    async def take(self, store: Store) -> Verdict:
        """What the store says, once it has been told what it did not know. Raises `ApiError`."""
        verdict = await store.take(self.hold, self.counters, self.notes)
        if verdict.unknown:
            for one in self.asked:
                own = [self.counters[place] for place in verdict.unknown if self.counters[place] in one.part.counters]
                if own:
                    await one.rules.fill(store, own)
            verdict = await store.take(self.hold, self.counters, self.notes)
        if verdict.unknown:  # it forgets as quickly as it is told
            raise ApiError(503, "limits_unavailable", "Budgets cannot be read.", kind="overloaded_error", headers=RETRY_SOON)
        return verdict

    def lease(self, bounded: Bounded, verdict: Verdict) -> BoundLease:
        """What the request holds from now on."""
        head: Headers = LOCAL if verdict.local else ()
        for part, found in self.each(verdict.found):
            part.admitted(self.hold, verdict)
            head += part.head(found)
        return BoundLease(bounded, self, verdict, head)

    def refusal(self, found: Sequence[Found], *, local: bool = False) -> ApiError:
        """What the client is told: the words of the first kind of rule that refuses."""
        part, own = next((part, own) for part, own in self.each(found) if any(one.wait_ms for one in own))
        error = part.refusal(own)
        if local:
            error.headers += LOCAL
        return error

    def behind(self, name: str, told: Found) -> ApiError:
        """What the client is told where others wait for that counter, who were told this."""
        wait = told.wait_ms if told.wait_ms > 0 else 1
        return self.refusal(
            [
                told._replace(left=0, wait_ms=wait)
                if counter.name == name
                else Found(0, MOST if counter.most is None else counter.most, 0)
                for counter in self.counters
            ]
        )

    def each(self, found: Sequence[Found]) -> Sequence[tuple[Part, Sequence[Found]]]:
        """Each part with what was found of its counters."""
        if len(self.asked) == 1:
            return ((self.asked[0].part, found),)
        told, begun = [], 0
        for one in self.asked:
            ended = begun + len(one.part.counters)
            told.append((one.part, found[begun:ended]))
            begun = ended
        return told


class BoundLease:
    """What an admitted request holds; `head` are the headers of its answer."""

    __slots__ = ("_bounded", "_claim", "_verdict", "head")

    def __init__(self, bounded: Bounded, claim: Claim, verdict: Verdict, head: Headers) -> None:
        self._bounded = bounded
        self._claim = claim
        self._verdict = verdict
        self.head = head

    def settle(self, record: Record) -> None:
        claim, bounded = self._claim, self._bounded
        used: list[int] = []
        notes: list[Entry] = []
        for one in claim.asked:
            own = one.part.settled(record)
            used += own
            notes += one.part.ended(own)
        bounded.store.settle(Taken(claim.hold, claim.counters, self._verdict), used, notes)
        if bounded.lines.waiting:
            bounded.lines.freed(counter.name for counter in claim.counters)


class Looked(NamedTuple):
    """Rules as they stand; `refusal` is what the client would be told, None if they admit the request."""

    seen: Sequence[Seen]
    refusal: ApiError | None


async def looked(store: Store, asked: Sequence[Asked]) -> Looked:
    """What the counters of these rules say to a request that takes nothing. Raises `ApiError`."""
    if not asked:
        return Looked((), None)
    claim = Claim("look", asked)
    claim.counters, claim.notes = [*claim.counters, LOOKED], ()
    found = (await claim.take(store)).found[:-1]
    told = claim.each(found)
    refusing = next((part.told(own) for part, own in told if any(one.wait_ms for one in own)), None)
    return Looked([seen for part, own in told for seen in part.seen(own)], refusing)


class Bounded:
    """The `Admission` of all rules that count."""

    def __init__(self, store: Store, rules: Sequence[Rules], lines: Lines) -> None:
        self.store = store
        self.lines = lines
        self.next_hold = hold_ids()
        self._rules = tuple(rules)

    async def admit(self, asking: Asking) -> BoundLease | None:
        """Raises `ApiError` of the rules that refuse."""
        asked = [Asked(rules, part) for rules in self._rules if (part := rules.part(asking)) is not None]
        if not asked:
            return None
        claim, waits = Claim(self.next_hold(), asked), asking.client.max_wait_s
        blocking = self.lines.blocking(counter.name for counter in claim.counters) if self.lines.waiting else None
        if blocking is None:
            verdict = await claim.take(self.store)
            if verdict.admitted:
                return claim.lease(self, verdict)
            error = claim.refusal(verdict.found, local=verdict.local)
            places = refusing(verdict)
            if not waits or any(verdict.found[place].wait_ms == NEVER for place in places):
                raise error
            blocking = claim.counters[places[0]].name
        else:
            error = claim.behind(blocking, self.lines.found(blocking))
        ticket = self.lines.join(blocking, asking.client.lineage) if waits else None
        if ticket is None:
            raise error
        return await self._waited(claim, ticket, asking.client.lineage, waits)

    async def look(self, asking: Asking) -> Looked:
        """What `admit` would find now. Takes nothing, counts nothing. Raises `ApiError` for what is not known, as that does."""
        asked = [Asked(rules, part) for rules in self._rules if (part := rules.part(asking)) is not None]
        return await looked(self.store, asked)

    async def _waited(self, claim: Claim, ticket: Ticket, key: str, waits: float) -> BoundLease:
        until = asyncio.get_running_loop().time() + waits
        waiting = Waiting(self, claim, ticket, key)
        try:
            async with asyncio.timeout_at(until):
                return await waiting.lease(until)
        except TimeoutError:
            raise waiting.error() from None
        finally:
            waiting.leave()


class Waiting:
    """A request that stands in a line, then perhaps in that of another counter which refuses it."""

    def __init__(self, bounded: Bounded, claim: Claim, ticket: Ticket, key: str) -> None:
        self._bounded = bounded
        self._claim = claim
        self._ticket: Ticket | None = ticket
        self._name = ticket.name
        self._key = key

    async def lease(self, until: float) -> BoundLease:
        """Raises `ApiError` if it cannot be had by that time of the event loop's."""
        claim, bounded, now = self._claim, self._bounded, asyncio.get_running_loop().time
        while True:
            ticket = self._ticket
            if ticket is None:
                raise self.error()
            await ticket.called.wait()
            verdict = await claim.take(bounded.store)
            if verdict.admitted:
                return claim.lease(bounded, verdict)
            place = refusing(verdict)[0]
            counter, found = claim.counters[place], verdict.found[place]
            seconds = found.wait_ms / 1000
            if found.wait_ms == NEVER or (counter.kind is not Kind.HELD and now() + seconds > until):
                raise claim.refusal(verdict.found, local=verdict.local)
            if counter.name == ticket.name:
                bounded.lines.tell(ticket, found)
                await ticket.rest(PLACE_S if counter.kind is Kind.HELD else seconds)
                ticket.called.set()
            else:
                self._move(counter.name)

    def error(self) -> ApiError:
        """What is told to whom has waited long enough."""
        return self._claim.behind(self._name, self._bounded.lines.found(self._name))

    def leave(self) -> None:
        """Gives its place up, if it has one."""
        if self._ticket is not None:
            self._bounded.lines.leave(self._ticket)
            self._ticket = None

    def _move(self, name: str) -> None:
        self.leave()
        self._name = name
        self._ticket = self._bounded.lines.join(name, self._key)
