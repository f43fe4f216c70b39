"""Are deadlines met in time, and is there rest when there is nothing to wait for?"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from math import inf
from time import monotonic

import pytest

from providers.errors import ProviderError, UpstreamReset
from providers.transport import sweep as module
from providers.transport.sweep import CLOCK_TICK, RESOLUTION, Sweep

LATE = 0.3
"""How late a busy machine may be, in seconds."""


class Waiting:
    def __init__(self, sweep: Sweep, seconds: float) -> None:
        self.deadline = monotonic() + seconds
        self.due = self.deadline
        self.expired: float | None = None
        self.failed: ProviderError | None = None
        self._sweep = sweep
        sweep.enter(self)
        sweep.arm(self.deadline)

    def expire(self, now: float) -> None:
        self.expired = now
        self.deadline = inf

    def fail(self, error: ProviderError) -> None:
        self.failed = error
        asyncio.get_running_loop().call_soon(self._sweep.leave, self)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the sweep looked."""
    times: list[float] = []
    look = Sweep._look

    def counted(self: Sweep) -> None:
        times.append(monotonic())
        look(self)

    monkeypatch.setattr(Sweep, "_look", counted)
    return times


async def test_deadlines_are_met_never_early_and_hardly_late() -> None:
    sweep = Sweep()
    waiting = [Waiting(sweep, seconds) for seconds in (0.15, 0.01, 0.08, 0.0, 0.081, 0.086)]
    await asyncio.sleep(0.2)
    for one in waiting:
        assert one.expired is not None
        assert 0 <= one.expired - one.due < RESOLUTION + LATE


async def test_deadline_moved_ahead_is_met_and_one_moved_back_is_not_kept() -> None:
    sweep = Sweep()
    ahead, back = Waiting(sweep, 10), Waiting(sweep, 0.05)
    back.deadline = monotonic() + 10
    ahead.deadline = monotonic() + 0.03
    sweep.arm(ahead.deadline)
    await asyncio.sleep(0.12)
    assert ahead.expired is not None
    assert back.expired is None
    await sweep.fail_all(UpstreamReset())


async def test_arming_again_and_again_does_not_put_the_look_off(looks: list[float]) -> None:
    sweep = Sweep()
    one = Waiting(sweep, 0.0)
    for _ in range(20):
        await asyncio.sleep(0.005)
        sweep.arm(one.due)
    assert one.expired is not None
    assert one.expired - one.due < RESOLUTION + LATE
    sweep._sleep()


async def test_looks_are_never_closer_than_the_resolution(looks: list[float]) -> None:
    sweep = Sweep()
    for number in range(30):
        Waiting(sweep, number * 0.004)
    await asyncio.sleep(0.18)
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    assert 2 <= len(looks) <= 0.18 / RESOLUTION + 1
    assert min(gaps) > RESOLUTION - CLOCK_TICK


async def test_nothing_to_wait_for_means_no_timer(looks: list[float]) -> None:
    sweep = Sweep()
    one = Waiting(sweep, 0.01)
    await asyncio.sleep(0.06)
    assert one.expired
    assert len(looks) == 1
    assert sweep.wake == inf
    assert sweep._timer is None
    await asyncio.sleep(0.06)
    assert len(looks) == 1


async def test_failing_all_waits_until_all_have_left() -> None:
    sweep = Sweep()
    waiting = [Waiting(sweep, 10) for _ in range(3)]
    error = UpstreamReset("closing")
    await asyncio.wait_for(sweep.fail_all(error), 1)
    assert all(one.failed is error for one in waiting)
    assert not sweep._watched
    assert sweep.wake == inf
    await sweep.fail_all(error)


def test_the_resolution_is_what_is_promised() -> None:
    assert module.RESOLUTION == 0.025
