"""Does Redis count as Python does? The scripts, at a real server, against the arithmetic in memory, step by step."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from openai_api.limits.counting import STATES, Held, State, admit
from openai_api.limits.lua import CLOCK, FILL, FORGET, RENEW, SETTLE, TAKE
from openai_api.limits.redis_store import LEASE_MS, settle_words, take_words, verdict_of
from openai_api.limits.store import Counter, Kind, Taken, Verdict
from tests import needs

START = 1_800_000_000_000
URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/13")
SET_BY_HAND = "local now = tonumber(ARGV[#ARGV])"


class Both:
    """The same counters, twice, under a clock that is set by hand."""

    def __init__(self, server: redis.Redis) -> None:
        self.now = START
        self._server = server
        self._prefix = f"signalbox-test:{uuid4()}:"
        self._states: dict[str, State] = {}
        self._scripts = {text: server.register_script(text.replace(CLOCK, SET_BY_HAND)) for text in (TAKE, SETTLE, RENEW, FILL)}

    def take(self, hold: str, counters: Sequence[Counter]) -> Verdict:
        states = [self._state(counter) for counter in counters]
        own = admit(states, self.now, hold, self.now + int(LEASE_MS), counters)
        said: Any = self._run(TAKE, counters, take_words(hold, counters, ()))
        assert verdict_of(said) == own
        return own

    def settle(self, taken: Taken, used: Sequence[int]) -> None:
        for counter, amount in zip(taken.counters, used, strict=True):
            self._state(counter).settle(self.now, taken.verdict.at_ms, counter, taken.hold, amount)
        self._run(SETTLE, taken.counters, settle_words(taken, used, ()))

    def renew(self, hold: str, counter: Counter) -> None:
        state = self._state(counter)
        assert isinstance(state, Held)
        state.renew(counter, hold, self.now + int(LEASE_MS))
        words = ["worker", LEASE_MS, hold, str(counter.take), str(counter.keep_s), str(self.now)]
        self._scripts[RENEW](keys=[f"{self._prefix}workers", self._prefix + counter.name], args=words)

    def fill(self, counter: Counter, spent: int) -> None:
        state = self._state(counter)
        assert isinstance(state, Held)
        state.fill(self.now, spent, counter.keep_s)
        self._scripts[FILL](keys=[self._prefix + counter.name], args=[str(spent), str(counter.keep_s), str(self.now)])

    def clean(self) -> None:
        for key in self._server.scan_iter(f"{self._prefix}*"):
            self._server.delete(key)

    def _state(self, counter: Counter) -> State:
        return self._states.setdefault(counter.name, STATES[counter.kind]())

    def _run(self, text: str, counters: Sequence[Counter], words: list[str]) -> Any:
        keys = [self._prefix + counter.name for counter in counters]
        return self._scripts[text](keys=[*keys, f"{self._prefix}notes"], args=[*words, str(self.now)])


@pytest.fixture(scope="module")
def server() -> Iterator[redis.Redis]:
    found = redis.Redis.from_url(URL)
    try:
        found.ping()
        reachable = True
    except redis.RedisError:
        reachable = False
    needs.need("redis", reachable, "no Redis server")
    yield found
    found.close()


kinds = st.sampled_from(list(Kind))
amounts = st.one_of(st.integers(0, 12), st.integers(0, 2**50))
gaps = st.one_of(st.integers(0, 900), st.integers(0, 70_000), st.sampled_from([-5, -400, -3_600_000, 86_400_000]))


@st.composite
def counters(draw: st.DrawFn) -> Counter:
    kind, window = draw(kinds), draw(st.sampled_from([1, 60, 3600]))
    most = draw(st.one_of(st.none(), st.integers(1, 20), st.integers(1, 2**53)))
    seeded = kind is Kind.HELD and draw(st.booleans())
    return Counter(f"{kind}{window}", kind, draw(amounts), most, window, draw(st.integers(1, 40)), 3600, seeded)


steps = st.lists(st.tuples(gaps, st.lists(counters(), min_size=1, max_size=4, unique_by=lambda one: one.name)), max_size=25)


@settings(max_examples=40, deadline=None)
@given(asked=steps, data=st.data())
def test_scripts_when_anything_is_taken_settled_and_the_clock_steps_then_they_say_what_python_says(
    server: redis.Redis, asked: Any, data: st.DataObject
) -> None:
    both, running = Both(server), list[Taken]()
    try:
        for number, (gap, wanted) in enumerate(asked):
            both.now += gap
            verdict = both.take(f"hold-{number}", wanted)
            if verdict.admitted:
                running.append(Taken(f"hold-{number}", wanted, verdict))
            for place in verdict.unknown:
                both.fill(wanted[place], data.draw(st.integers(0, 20)))
            if running and bool(data.draw(st.booleans())):
                taken = running.pop(data.draw(st.integers(0, len(running) - 1)))
                both.settle(taken, [data.draw(amounts) for _ in taken.counters])
            for taken in running[:1]:
                for counter in taken.counters:
                    if counter.kind is Kind.HELD:
                        both.renew(taken.hold, counter)
    finally:
        both.clean()


def test_forget_when_a_budget_was_told_what_was_spent_then_it_asks_again(server: redis.Redis) -> None:
    both, budget = Both(server), Counter("b", Kind.HELD, 1, 10, seeded=True)
    both.fill(budget, 5)
    assert both.take("a", [budget]).found[0].used == 6
    server.eval(FORGET, 1, f"{both._prefix}b")
    said: Any = both._run(TAKE, [budget], take_words("b", [budget], ()))
    assert (verdict_of(said).unknown, verdict_of(said).found[0].used) == ((0,), 1)
    both.clean()
