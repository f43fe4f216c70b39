"""Which targets are to be left alone for a while? A circuit breaker per target, in memory.

A target is cooled after 5 failures in a row, or when half of at least 20 tries within 10 seconds failed, or for as long
as its rate limit says. When the time is over one try is let through as a probe: success closes the circuit, failure
cools the target again, for twice as long up to five minutes. A target is known by the name of its circuit, which a change of
its configuration changes too: what the operator has mended is tried at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

CONSECUTIVE = 5
WINDOW_S = 10.0
WINDOW_TRIES = 20
WINDOW_SHARE = 0.5
COOLDOWN_S = 30.0
MAX_COOLDOWN_S = 300.0
PROBE_S = 60.0
MOST_CIRCUITS = 10_000
NO_PROBE = 1
"""The permit of an ordinary try; each probe has one of its own."""


class CircuitState(NamedTuple):
    """For people: "closed", "open" or "half-open"; `seconds` until the next probe."""

    state: str
    failures: int
    seconds: float


class LastFailure(NamedTuple):
    """How a target failed last: `at` is in seconds since the epoch, `detail` holds no secret and nothing that a client wrote."""

    at: float
    code: str
    status: int | None
    detail: str


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    window_start: float = 0.0
    window_tries: int = 0
    window_failures: int = 0
    open_until: float = 0.0
    probe: int = 0
    probe_until: float = 0.0
    cooldown: float = COOLDOWN_S
    limited: bool = False
    """Cooled because it asked to be left alone, not because it failed."""
    told: str = ""
    """The last alarming failure since the target answered."""

    def count(self, now: float, *, failed: bool) -> None:
        if now - self.window_start > WINDOW_S:
            self.window_start, self.window_tries, self.window_failures = now, 0, 0
        self.window_tries += 1
        self.window_failures += failed

    def broken(self) -> bool:
        share = self.window_tries >= WINDOW_TRIES and self.window_failures >= WINDOW_SHARE * self.window_tries
        return self.failures >= CONSECUTIVE or share


class Breakers:
    """The circuits of one process. `clock` gives monotonic seconds. All but `keep`, `states` and `last_failures` belong to the
    event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}
        self._last: dict[str, LastFailure] = {}
        self._permits = NO_PROBE

    def _circuit(self, target: str) -> _Circuit:
        """The target's circuit. The oldest makes room for a new one beyond the most: names that fit a pattern have no end."""
        circuit = self._circuits.get(target)
        if circuit is None:
            if len(self._circuits) >= MOST_CIRCUITS:
                self._circuits.pop(next(iter(self._circuits)), None)
            circuit = self._circuits[target] = _Circuit()
        return circuit

    def has(self, target: str) -> bool:
        """Whether the target has failed since it was last forgotten: if not, a success need not be told."""
        return target in self._circuits

    def rests(self, target: str) -> bool:
        """Whether the target is left alone now."""
        circuit = self._circuits.get(target)
        return circuit is not None and circuit.open_until > 0.0 and self._clock() < circuit.open_until

    def allows(self, target: str) -> int:
        """The permit to try the target now, 0 for none. After a cooldown the first to ask gets the probe, and must report."""
        circuit = self._circuits.get(target)
        if circuit is None or not circuit.open_until:
            return NO_PROBE
        now = self._clock()
        if now < circuit.open_until or now < circuit.probe_until:
            return 0
        self._permits += 1
        circuit.probe, circuit.probe_until = self._permits, now + PROBE_S
        return circuit.probe

    def succeeded(self, target: str) -> bool:
        """Closes the circuit when its cooldown is over; a try that began before it says nothing. Whether it was closed now,
        after failures."""
        circuit = self._circuits.get(target)
        if circuit is None:
            return False
        now = self._clock()
        if now < circuit.open_until:
            return False
        if circuit.open_until:
            self._circuits.pop(target, None)
            return not circuit.limited
        circuit.failures, circuit.told = 0, ""
        circuit.count(now, failed=False)
        return False

    def failed(self, target: str) -> float:
        """Counts one failure, and cools the target if that was one too many: for so many seconds from now, else 0."""
        circuit = self._circuit(target)
        now = self._clock()
        circuit.failures += 1
        circuit.count(now, failed=True)
        if now < circuit.open_until:
            return 0.0
        probed = circuit.open_until > 0.0 and not circuit.limited
        if probed:
            circuit.cooldown = min(circuit.cooldown * 2, MAX_COOLDOWN_S)
        again = probed or circuit.broken()
        circuit.open_until, circuit.probe_until, circuit.limited = now + circuit.cooldown if again else 0.0, 0.0, False
        return circuit.cooldown if again else 0.0

    def cool(self, target: str, seconds: float) -> bool:
        """Leaves the target alone for as long as it asked for. Whether it was not left alone already."""
        circuit = self._circuit(target)
        circuit.limited = circuit.limited or not circuit.open_until
        now, before = self._clock(), circuit.open_until
        circuit.open_until, circuit.probe_until = max(before, now + seconds), 0.0
        return before <= now

    def is_new(self, target: str, failure: str) -> bool:
        """Whether the target has not failed in this way since it last answered; the next time it has."""
        circuit = self._circuit(target)
        told, circuit.told = circuit.told, failure
        return told != failure

    def released(self, target: str, permit: int) -> None:
        """The try ended without a verdict (the client left): if it was the probe, another may be made."""
        circuit = self._circuits.get(target)
        if circuit is not None and circuit.probe == permit:
            circuit.probe_until = 0.0

    def note(self, target: str, failure: LastFailure) -> None:
        """Remembers how the target of that id failed, also after it has answered again. The oldest makes room for a new one."""
        self._last.pop(target, None)
        if len(self._last) >= MOST_CIRCUITS:
            self._last.pop(next(iter(self._last)), None)
        self._last[target] = failure

    def last_failures(self) -> dict[str, LastFailure]:
        """By the ids of targets. For any thread."""
        return self._last.copy()

    def first_to_open(self, targets: Iterable[str]) -> str:
        """Of some cooled targets the one whose cooldown ends first."""
        return min(targets, key=lambda target: circuit.open_until if (circuit := self._circuits.get(target)) else 0.0)

    def keep(self, targets: Collection[str]) -> None:
        """Forgets all other targets, which are no longer in the catalog. For any thread."""
        for target in tuple(self._circuits):
            if target not in targets:
                self._circuits.pop(target, None)

    def copy(self) -> Breakers:
        """The same circuits as they are now: what becomes of the copy does not change these."""
        made = Breakers(self._clock)
        made._circuits = {name: replace(circuit) for name, circuit in self._circuits.items()}
        made._permits = self._permits
        return made

    def states(self) -> dict[str, CircuitState]:
        """All targets that failed lately. For any thread."""
        now = self._clock()
        return {target: self._state(circuit, now) for target, circuit in tuple(self._circuits.items())}

    def _state(self, circuit: _Circuit, now: float) -> CircuitState:
        if not circuit.open_until:
            return CircuitState("closed", circuit.failures, 0.0)
        left = circuit.open_until - now
        return CircuitState("open" if left > 0 else "half-open", circuit.failures, max(left, 0.0))
