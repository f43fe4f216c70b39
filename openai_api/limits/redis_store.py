"""How do all workers, on all machines, count together? Redis counts for them, each step in one script and one round trip.

    signalbox:limits:{c}:NAME        a counter (`lua.py`)
    signalbox:limits:{c}:workers     the workers that live
    signalbox:limits:{c}:notes       what is written down with the counting (a stream)

All keys have the same braces: what a script touches lies on one server of a cluster. While Redis is away each worker admits its
share; one that does not answer in time is away until it has answered again. Then it is first told what was admitted without it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from secrets import token_hex
from typing import Any, NamedTuple

from openai_api.limits.journal import Entry, encoded, undone
from openai_api.limits.lua import CHARGE, FILL, FORGET, RENEW, SETTLE, TAKE
from openai_api.limits.memory import unwritten
from openai_api.limits.shares import Charge, Shares
from openai_api.limits.store import LEASE_S, Counter, Found, Journal, Kind, Taken, Verdict
from openai_api.redis_link.link import RedisLink, script

PREFIX = "signalbox:limits:{c}:"
NOTES = PREFIX + "notes"
WORKERS = PREFIX + "workers"
ANSWER_S = 0.05
"""How long a request waits for Redis at most."""
FIRST_S = 0.25
"""How long the first requests wait for a connection at most."""
BEAT_S = 4.0
"""How often holds are renewed."""
AT_ONCE = 200
"""Holds that are renewed in one script."""
MOST_UNTOLD = 100_000
"""Counters of which it is remembered what Redis is still to be told."""
MOST_UNSETTLED = 1000
"""Requests that have ended while Redis was away, and are settled when it is back; the latest are kept."""
LEASE_MS = str(int(LEASE_S * 1000))
FOUND = 5
"""Numbers that tell of a counter."""


take_script, settle_script, renew_script = map(script, (TAKE, SETTLE, RENEW))
charge_script, fill_script, forget_script = map(script, (CHARGE, FILL, FORGET))
SCRIPTS = (take_script, settle_script, renew_script, charge_script, fill_script, forget_script)


class Kept(NamedTuple):
    """What a request that runs holds, what was written down with it, and over which of the connections."""

    counters: Sequence[Counter]
    notes: Sequence[Entry]
    line: int


class RedisStore:
    """A `Store` at the Redis server of that address. `workers` is how many there are on this machine."""

    def __init__(self, url: str, workers: int = 1, journal: Journal = unwritten, answer_s: float = ANSWER_S) -> None:
        told = "limits are counted by each worker alone: redis is away", "limits are counted together again"
        self._link = RedisLink(url, SCRIPTS, answer_s, *told)
        self._least = self._workers = workers
        self._worker = token_hex(8)
        self._held: dict[str, Kept] = {}
        self._untold: dict[str, tuple[Counter, int]] = {}
        self._beats: asyncio.Task[None] | None = None
        self._shares = Shares(lambda: self._workers, journal, self._holds)
        self._away = False
        self._returns: asyncio.Task[None] | None = None
        self._charged_at = 0
        self._in_vain: dict[str, Sequence[Counter]] = {}
        self._unsettled: deque[tuple[list[str], list[str]]] = deque(maxlen=MOST_UNSETTLED)

    @property
    def failures(self) -> int:
        """How often Redis was lost."""
        return self._link.failures

    @property
    def local(self) -> bool:
        """Whether this worker counts alone now."""
        return self._away

    async def _start(self) -> None:
        """Connects when the first limit is asked for, and says from then on what is held by whom."""
        self._beats = asyncio.create_task(self._beat(), name="limits-beat")
        async with asyncio.timeout(FIRST_S):
            await self._link.connected()

    async def stop(self) -> None:
        if self._beats is not None:
            self._beats.cancel()
            with suppress(asyncio.CancelledError):
                await self._beats
        if self._returns is not None:
            await asyncio.wait((self._returns,))
        await self._link.stop()

    async def take(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry] = ()) -> Verdict:
        if self._beats is None:
            with suppress(TimeoutError):
                await self._start()
        if self._away and not await self._returned():
            return self._alone(hold, counters, notes)
        was_up, late = self._link.up, partial(self._late, hold)
        try:
            said = await self._link.call(take_script, keys_of(counters), take_words(hold, counters, notes), late)
        except asyncio.CancelledError:
            self._give_back(hold, counters, notes)
            raise
        if said is None:
            self._away = True
            verdict = self._alone(hold, counters, notes)
            if was_up and verdict.admitted:
                self._in_vain[hold] = counters
            elif was_up and not verdict.unknown:
                self._shares.write(undone(notes))  # perhaps Redis has taken it, and only its answer was lost
            return verdict
        verdict = verdict_of(said)
        self._shares.note(counters, verdict.found)
        if verdict.admitted:
            self._keep(hold, counters, notes)
        return verdict

    def settle(self, taken: Taken, used: Sequence[int], notes: Sequence[Entry] = ()) -> None:
        kept = self._held.pop(taken.hold, None)
        if taken.verdict.local:
            if self._away:
                self._shares.settle(taken, used, notes)
                return
            taken = Taken(taken.hold, self._shares.taken(taken.counters), taken.verdict._replace(at_ms=self._charged_at))
        elif kept is not None and self._away:
            self._shares.free(taken.hold, kept.counters)
        if not notes and all(amount == counter.take for counter, amount in zip(taken.counters, used, strict=True)):
            return  # only requests were counted
        whole = [*kept.notes, *notes] if kept is not None else notes
        if kept is not None and kept.line != self._link.lines:
            notes = whole  # this may be another Redis, or an older copy, which knows nothing of the take
        self._send(taken, used, notes, whole)

    async def fill(self, spent: Sequence[tuple[Counter, int]]) -> None:
        words = [word for counter, amount in spent for word in (str(amount), str(counter.keep_s))]
        if await self._link.call(fill_script, [PREFIX + counter.name for counter, _ in spent], words) is None:
            await self._shares.fill(spent)
            if len(self._untold) < MOST_UNTOLD:
                self._untold.update((counter.name, (counter, amount)) for counter, amount in spent)

    async def forget(self, names: Sequence[str]) -> None:
        await self._link.call(forget_script, [PREFIX + name for name in names], ())

    def _keep(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry]) -> None:
        held = [counter for counter in counters if counter.kind is Kind.HELD]
        if held:
            self._held[hold] = Kept(held, notes, self._link.lines)

    def _holds(self, name: str) -> list[str]:
        return [hold for hold, kept in self._held.items() if any(counter.name == name for counter in kept.counters)]

    def _give_back(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry]) -> None:
        """Nobody waits any more for what a take will say. What it may hold is given back; what it counts stays counted."""
        held = [counter for counter in counters if counter.kind is Kind.HELD]
        if held:
            back = undone(notes)
            self._send(Taken(hold, held, Verdict(False, 0, ())), [0] * len(held), back, back)

    def _send(self, taken: Taken, used: Sequence[int], notes: Sequence[Entry], whole: Sequence[Entry]) -> None:
        """Settles at Redis. Where nothing is heard of it, the `whole` of it is written down here, too: each entry counts once."""
        keys = keys_of(taken.counters)
        if self._link.up:
            lost = partial(self._shares.write, whole)
            self._link.send(settle_script, keys, settle_words(taken, used, notes), lost)
        else:
            self._shares.write(whole)
            rest = [0 if counter.seeded else amount for counter, amount in zip(taken.counters, used, strict=True)]
            self._unsettled.append((keys, settle_words(taken, rest, ())))  # what is spent, the ledger will tell

    def _alone(self, hold: str, counters: Sequence[Counter], notes: Sequence[Entry]) -> Verdict:
        verdict = self._shares.take(hold, counters, notes)
        if verdict.admitted:
            self._keep(hold, counters, ())
        return verdict

    def _late(self, hold: str, said: Any) -> None:
        """Redis has counted, too, what was admitted alone as its answer did not come in time."""
        counters = self._in_vain.pop(hold, None)
        if counters is not None and isinstance(said, list) and verdict_of(said).admitted:
            self._shares.counted(counters)

    async def _returned(self) -> bool:
        """Whether Redis is back, and knows what was admitted without it."""
        if not self._link.up:
            return False
        if self._returns is None:
            self._returns = asyncio.create_task(self._return(), name="limits-return")
        await asyncio.shield(self._returns)
        return not self._away

    async def _return(self) -> None:
        """Tells Redis what has ended, what runs, and what was admitted without it."""
        try:
            if not await self._settle_late() or not await self._renew():
                return
            self._away = False  # what is asked from now on comes to Redis after this
            charges = self._shares.charges()
            keys = [PREFIX + counter.name for counter, _ in charges]
            words = [word for counter, amount in charges for word in _words(counter._replace(take=amount))]
            late = partial(self._charged_late, charges)
            said = await self._link.call(charge_script, keys, words, late)
            if said is None:
                self._away = True
                return
            self._charged_at = said
            self._shares.forget()
            self._in_vain.clear()
        finally:
            self._returns = None

    def _charged_late(self, charges: Sequence[Charge], said: Any) -> None:
        if isinstance(said, int):
            self._shares.charged(charges)

    async def _settle_late(self) -> bool:
        while self._unsettled:
            some = [self._unsettled.popleft() for _ in range(min(AT_ONCE, len(self._unsettled)))]
            said = await asyncio.gather(*(self._link.call(settle_script, keys, words) for keys, words in some))
            if None in said:
                return False
        return True

    async def _beat(self) -> None:
        while True:
            if not self._away or await self._returned():
                await self._renew()
            if self._untold and self._link.up:
                untold, self._untold = list(self._untold.values()), {}
                for start in range(0, len(untold), AT_ONCE):
                    await self.fill(untold[start : start + AT_ONCE])
            await asyncio.sleep(BEAT_S)

    async def _renew(self) -> bool:
        for keys, words in self._renewals():
            said = await self._link.call(renew_script, keys, words)
            if said is None:
                return False
            self._workers = max(self._least, said)
        return True

    def _renewals(self) -> Iterator[tuple[list[str], list[str]]]:
        """Keys and arguments of `RENEW`, for some holds at a time."""
        waiting = iter([(hold, counter) for hold, kept in self._held.items() for counter in kept.counters])
        while True:
            some = list(islice(waiting, AT_ONCE))
            still = [(hold, counter) for hold, counter in some if hold in self._held]
            words = [self._worker, LEASE_MS]
            for hold, counter in still:
                words += (hold, str(counter.take), str(counter.keep_s))
            yield [WORKERS, *(PREFIX + counter.name for _, counter in still)], words
            if len(some) < AT_ONCE:
                return


def keys_of(counters: Sequence[Counter]) -> list[str]:
    keys = [PREFIX + counter.name for counter in counters]
    keys.append(NOTES)
    return keys


def take_words(hold: str, counters: Sequence[Counter], notes: Sequence[Entry]) -> list[str]:
    """The arguments of `TAKE`."""
    words = [hold, LEASE_MS, encoded(notes) if notes else ""]
    for counter in counters:
        words += _words(counter)
    return words


def settle_words(taken: Taken, used: Sequence[int], notes: Sequence[Entry]) -> list[str]:
    """The arguments of `SETTLE`."""
    words = [taken.hold, str(taken.verdict.at_ms), encoded(notes) if notes else ""]
    for counter, amount in zip(taken.counters, used, strict=True):
        words += _words(counter)
        words.append(str(amount))
    return words


def _words(counter: Counter) -> tuple[str, ...]:
    _, kind, take, most, window_s, burst, keep_s, seeded = counter
    return (kind, str(take), "" if most is None else str(most), str(window_s), str(burst), str(keep_s), "1" if seeded else "")


def verdict_of(said: list[Any]) -> Verdict:
    """What `TAKE` answers."""
    admitted, now, unknown = said[:3]
    found = tuple(Found(*said[place : place + FOUND - 1]) for place in range(3, len(said), FOUND))
    missing = () if not unknown else tuple(place for place, one in enumerate(said[2 + FOUND :: FOUND]) if one)
    return Verdict(bool(admitted), now, found, missing)
