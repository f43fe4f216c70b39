"""The arithmetic of counters, against what is said of them."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openai_api.limits.memory import MemoryStore
from openai_api.limits.store import NEVER, PLACE_MS, Counter, Kind, Taken, Verdict, refusing

START = 1_800_000_000_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def counter(kind: Kind, most: int, take: int = 1, window_s: int = 60, burst: int = 0) -> Counter:
    return Counter(f"rule:{kind}", kind, take, most, window_s, burst or most)


def took(store: MemoryStore, *counters: Counter, hold: str = "h") -> Verdict:
    return store.take_now(hold, counters)


def accepted_times(kind: Kind, most: int, gaps: list[int], window_s: int = 1) -> list[int]:
    clock = Clock()
    store, times = MemoryStore(clock), []
    for number, gap in enumerate(gaps):
        clock.now += gap
        if took(store, counter(kind, most, window_s=window_s), hold=str(number)).admitted:
            times.append(clock.now)
    return times


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.lists(st.integers(0, 300), max_size=200))
def test_sliding_when_asked_at_any_times_then_no_window_has_more_than_the_limit(most: int, gaps: list[int]) -> None:
    recent: deque[int] = deque()
    for time in accepted_times(Kind.SLIDING, most, gaps):
        while recent and time - recent[0] >= 1000:
            recent.popleft()
        recent.append(time)
        assert len(recent) <= most


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.lists(st.integers(0, 300), max_size=200))
def test_fixed_when_asked_at_any_times_then_no_window_has_more_than_the_limit(most: int, gaps: list[int]) -> None:
    windows: dict[int, int] = {}
    for time in accepted_times(Kind.FIXED, most, gaps):
        windows[time // 1000] = windows.get(time // 1000, 0) + 1
    assert all(count <= most for count in windows.values())


@pytest.mark.parametrize("kind", [Kind.FIXED, Kind.SLIDING, Kind.BUCKET])
def test_rates_when_always_asked_for_more_then_98_percent_are_had(kind: Kind) -> None:
    times = accepted_times(kind, 200, [1] * 20_000)
    after_first = [time for time in times if time >= START + 1000]
    assert len(after_first) >= 0.98 * 200 * 19


@pytest.mark.parametrize("kind", [Kind.FIXED, Kind.SLIDING, Kind.BUCKET])
@settings(max_examples=80, deadline=None)
@given(most=st.integers(1, 500), takes=st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 60)), min_size=1, max_size=60))
def test_rates_when_told_to_wait_then_it_is_had_after_that_time(kind: Kind, most: int, takes: list[tuple[int, int]]) -> None:
    clock = Clock()
    store = MemoryStore(clock)
    for number, (gap, take) in enumerate(takes):
        clock.now += gap
        wanted = counter(kind, most, take)
        verdict = took(store, wanted, hold=str(number))
        if verdict.admitted:
            continue
        wait = verdict.found[0].wait_ms
        assert (wait == NEVER) == (take > most)
        if wait != NEVER:
            clock.now += wait - 2  # a bucket's level is rounded
            assert wait <= 2 or not took(store, wanted).admitted
            clock.now += 2
            assert took(store, wanted).admitted


@pytest.mark.parametrize("kind", [Kind.FIXED, Kind.SLIDING, Kind.BUCKET])
def test_rates_when_the_reset_has_passed_then_all_is_left(kind: Kind) -> None:
    clock = Clock(START + 250)
    store = MemoryStore(clock)
    verdict = took(store, counter(kind, 10, 7))
    assert verdict.found[0].left == 3
    clock.now += verdict.found[0].reset_ms
    assert took(store, counter(kind, 10, 10)).admitted


def test_take_when_one_counter_refuses_then_the_others_lose_nothing() -> None:
    store = MemoryStore(Clock())
    free, full = counter(Kind.SLIDING, 10), counter(Kind.FIXED, 1)
    assert took(store, free, full).admitted
    refused = took(store, free, full)
    assert not refused.admitted
    assert refusing(refused) == (1,)
    assert [found.used for found in refused.found] == [1, 1]


@pytest.mark.parametrize("kind", [Kind.FIXED, Kind.SLIDING, Kind.BUCKET])
@pytest.mark.parametrize("used", [0, 30, 90])
def test_settle_when_usage_is_known_then_it_counts_in_place_of_the_estimate(kind: Kind, used: int) -> None:
    clock = Clock()
    store, wanted = MemoryStore(clock), counter(kind, 100, 60)
    verdict = took(store, wanted)
    store.settle(Taken("h", (wanted,), verdict), (used,))
    assert took(store, counter(kind, 100, 0)).found[0].left == 100 - used


@pytest.mark.parametrize("kind", [Kind.FIXED, Kind.SLIDING])
def test_settle_when_the_window_has_passed_then_only_what_is_more_counts_now(kind: Kind) -> None:
    clock = Clock()
    store, wanted = MemoryStore(clock), counter(kind, 100, 60)
    for used, left in ((10, 100), (75, 85)):
        verdict = took(store, wanted)
        clock.now += 200_000
        store.settle(Taken("h", (wanted,), verdict), (used,))
        assert took(store, counter(kind, 100, 0)).found[0].left == left
        clock.now += 200_000


@pytest.mark.parametrize("kind", [Kind.FIXED, Kind.SLIDING, Kind.BUCKET])
def test_rates_when_the_clock_steps_back_then_nothing_is_given_twice_and_it_recovers(kind: Kind) -> None:
    clock = Clock()
    store, one = MemoryStore(clock), counter(kind, 10)
    assert sum(took(store, one).admitted for _ in range(12)) == 10
    clock.now -= 3_600_000
    assert not took(store, one).admitted
    clock.now += 61_000
    assert sum(took(store, one).admitted for _ in range(12)) == 10


def test_held_when_places_are_given_back_then_others_have_them() -> None:
    store, place = MemoryStore(Clock()), counter(Kind.HELD, 2)
    first = took(store, place, hold="a")
    assert took(store, place, hold="b").admitted
    third = took(store, place, hold="c")
    assert (third.admitted, third.found[0].wait_ms) == (False, PLACE_MS)
    store.settle(Taken("a", (place,), first), (0,))
    assert took(store, place, hold="c").admitted


def test_held_when_a_budget_is_used_then_spent_and_held_never_exceed_it() -> None:
    store, budget = MemoryStore(Clock()), counter(Kind.HELD, 100, 40)
    first, second = took(store, budget, hold="a"), took(store, budget, hold="b")
    assert took(store, budget, hold="c").found[0].wait_ms == PLACE_MS
    store.settle(Taken("a", (budget,), first), (70,))
    store.settle(Taken("b", (budget,), second), (0,))
    after = took(store, budget, hold="c")
    assert (after.found[0].used, after.found[0].left, after.found[0].wait_ms) == (70, 30, NEVER)


async def test_held_when_it_must_be_told_what_was_spent_then_nothing_is_taken_before() -> None:
    store, budget = MemoryStore(Clock()), counter(Kind.HELD, 100, 40)._replace(seeded=True)
    free = counter(Kind.FIXED, 10)
    unknown = took(store, free, budget)
    assert (unknown.admitted, unknown.unknown, unknown.found[0].used) == (False, (1,), 0)
    await store.fill([(budget, 50)])
    assert took(store, free, budget).found[1].used == 90


def test_memory_when_many_counters_come_and_go_then_few_are_kept() -> None:
    clock = Clock()
    store = MemoryStore(clock)
    for number in range(5000):
        clock.now += 1000
        took(store, Counter(f"rule:{number}", Kind.SLIDING, 1, 10, 60))
    assert len(store) < 200
