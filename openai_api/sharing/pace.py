"""How fast is a target? Averages of the time to its first token that follow what it does now, and fade where nobody asks.

A target of which nothing is known is asked first. What is known fades: it halves every `HALF_LIFE_S` without a request, until
the target is asked again. Only one request finds out: from when it is sent the target counts as known, for the time that a first
token may take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from math import inf

import msgspec

ALPHA = 0.2
"""The part of a new value in an average."""
HALF_LIFE_S = 60.0
MOST_KNOWN = 10_000
UNHEARD_S = 30.0
"""How long a target of which nothing is known is left to the request that is finding out."""


class _Average(msgspec.Struct):
    seconds: float = 0.0
    """0 is unknown."""
    asked: float = -inf


class Paces:
    """The averages of one process, by a target's circuit; streams and whole answers apart. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._averages: tuple[dict[str, _Average], dict[str, _Average]] = ({}, {})

    def asked(self, circuit: str, *, streamed: bool) -> None:
        """A request is sent to the target."""
        self._average(circuit, streamed).asked = self._clock()

    def heard(self, circuit: str, seconds: float, *, streamed: bool) -> None:
        """The target has begun to answer, after so many seconds."""
        average = self._average(circuit, streamed)
        average.seconds += (seconds - average.seconds) * (ALPHA if average.seconds else 1.0)

    def _average(self, circuit: str, streamed: bool) -> _Average:
        """The target's average. The oldest makes room for a new one beyond the most: names that fit a pattern have no end."""
        known = self._averages[streamed]
        average = known.get(circuit)
        if average is None:
            if len(known) >= MOST_KNOWN:
                known.pop(next(iter(known)), None)
            average = known[circuit] = _Average()
        return average

    def expected(self, circuits: Collection[str], *, streamed: bool) -> tuple[list[float], float]:
        """The seconds that each is expected to take, 0 for one that is to be tried out, and the least that is known of any."""
        known, now = self._averages[streamed], self._clock()
        least, found = inf, []
        for circuit in circuits:
            average = known.get(circuit)
            if average is None:
                found.append(0.0)
            elif not average.seconds:
                found.append(inf if now - average.asked < UNHEARD_S else 0.0)
            else:
                least = min(least, average.seconds)
                found.append(average.seconds * 0.5 ** ((now - average.asked) / HALF_LIFE_S))
        return found, least

    def keep(self, circuits: Collection[str]) -> None:
        """Forgets all other targets. For any thread."""
        for averages in self._averages:
            for circuit in tuple(averages):
                if circuit not in circuits:
                    averages.pop(circuit, None)
