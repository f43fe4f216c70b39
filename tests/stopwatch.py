"""How long does it take, where other programs want the processors, too? A clock that leaves out when ours had none."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

from tests.live import LiveGateway


class Stopwatch:
    """Seconds since it was made, but for those in which the test, its gateway or its upstream could have run and found no
    processor. Time in which they work, sleep or wait for each other counts in full, so that what holds up the gateway is seen
    as on a machine that has nothing else to do. Where the system does not tell, all time counts."""

    def __init__(self, gateway: LiveGateway) -> None:
        served = gateway.process.pid
        self._parties = ((os.getpid(),), (served, *_children(served)), (gateway.chaos.pid,))
        self._before = [_queued(party) for party in self._parties]
        self._started = monotonic()

    def read(self) -> float:
        return max(self.elapsed() - self.starved(), 0.0)

    def elapsed(self) -> float:
        """All seconds since it was made."""
        return monotonic() - self._started

    def starved(self) -> float:
        """Seconds without a processor. They wait for each other in turn, so the times of the three add up; the threads of one
        take turns as well, and the time of the one that had to wait longest is taken for all."""
        return sum(map(_longest, self._before, map(_queued, self._parties))) / 1e9


def _queued(pids: tuple[int, ...]) -> dict[str, int]:
    """By thread, the nanoseconds that it has waited for a processor: the second number of `schedstat`."""
    found = {}
    for path in (path for pid in pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat")):
        try:
            found[str(path)] = int(path.read_text().split()[1])
        except OSError:  # the thread has ended
            continue
    return found


def _longest(before: dict[str, int], after: dict[str, int]) -> int:
    return max((waited - before.get(thread, 0) for thread, waited in after.items()), default=0)


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in told.read_text().split()] if told.exists() else []
