"""Do requests that belong together stay at one target, and does a worker know who is full?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import pytest

from models_catalog.snapshot import ModelEntry, Strategy
from openai_api.limits.admission import Asking
from openai_api.limits.journal import Entry
from openai_api.limits.memory import MemoryStore
from openai_api.limits.store import Counter as StoreCounter
from openai_api.limits.store import Kind, Verdict
from openai_api.recording.events import Attempt, Record
from openai_api.sharing import affinity
from openai_api.sharing.route_limits import RouteLimits
from openai_api.sharing.sharing import Sharing, Turn
from providers.breaker import Breakers
from providers.errors import RouteFull
from providers.types import Target, Usage
from tests.unit.openai_api.sharing.asking import CHAT, Clock, asking, model, sharing


class Counting(MemoryStore):
    """A store that counts how often it is asked."""

    asked = 0

    async def take(self, hold: str, counters: Sequence[StoreCounter], notes: Sequence[Entry] = ()) -> Verdict:
        self.asked += 1
        return await super().take(hold, counters, notes)


class Worker:
    """What one worker knows; its clock is moved by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.breakers = Breakers(self.clock)
        self.store = Counting(lambda: int(self.clock.now * 1000))
        self.sharing = Sharing(self.breakers, RouteLimits(self.store, self.clock))

    def first(self, wants: Asking) -> str:
        return next(iter(self.sharing.order(wants, wants.entry, CHAT))).id

    async def enter(self, wants: Asking, target: Target) -> Turn:
        return await self.sharing.enter(wants, wants.entry, target)

    async def serve(self, wants: Asking, name: str = "") -> str:
        """The target that serves: the first in the order, or the one of that name."""
        order = self.sharing.order(wants, wants.entry, CHAT)
        target = next(target for target in order if name in ("", target.id))
        turn = await self.enter(wants, target)
        turn.began()
        turn.settle(wants.record)
        return target.id


def three(**fields: Any) -> ModelEntry:
    return model(*map(sharing, "abc"), **fields)


def tried(wants: Asking, outcome: str, failure: str | None = None) -> None:
    wants.record.attempts.append(Attempt("a", "p", "u", outcome, failure))


# Affinity


@pytest.mark.parametrize("strategy", list(Strategy))
def test_key_when_nothing_is_measured_leads_every_worker_to_the_same_target(strategy: Strategy) -> None:
    leg = three(strategy=strategy)
    workers = [Worker() for _ in range(4)]
    for number in range(30):
        wants = [asking(leg, prompt_cache_key=f"k{number}"), asking(leg, f"s{number}")]
        assert all(len({worker.first(one) for worker in workers}) == 1 for one in wants)


def test_key_of_the_prompt_goes_before_the_session_and_empty_ones_are_none() -> None:
    leg, worker = three(), Worker()
    same = {worker.first(asking(leg, f"s{number}", prompt_cache_key="one")) for number in range(30)}
    assert len(same) == 1
    for nothing in (None, ""):
        assert len({worker.first(asking(leg, prompt_cache_key=nothing)) for _ in range(60)}) == 3


async def test_key_when_it_was_served_elsewhere_stays_there_until_that_is_cooled() -> None:
    leg, worker = three(), Worker()
    wants = asking(leg, "s")
    home = worker.first(wants)
    other = next(target for target in leg.targets[CHAT] if target.id != home)
    assert await worker.serve(wants, other.id) == other.id
    assert worker.first(wants) == other.id
    worker.breakers.cool(other.circuit, 5.0)
    assert worker.first(wants) == home
    worker.clock.now += 6
    assert worker.first(wants) == home


async def test_key_when_the_model_has_no_affinity_is_not_looked_at() -> None:
    leg, worker = three(affinity=False), Worker()
    assert len({worker.first(asking(leg, "s")) for _ in range(60)}) == 3


async def test_response_when_it_is_continued_leads_to_who_gave_it() -> None:
    leg, worker = three(), Worker()
    previous, seen = "", Counter[str]()
    for number in range(20):
        seen[await worker.serve(asking(leg, previous=previous or None, response=f"resp_{number}"))] += 1
        previous = f"resp_{number}"
    assert len(seen) == 1


def test_moved_keys_are_bounded_and_the_oldest_is_forgotten_first() -> None:
    moved = affinity.Moved(2)
    for key in (b"a", b"b"):
        moved.put(key, "t")
    moved.get(b"a")
    moved.put(b"c", "t")
    assert [moved.get(key) for key in (b"a", b"b", b"c")] == ["t", "", "t"]
    assert len(moved) == 2


# Running


async def test_running_is_counted_from_the_try_to_the_end_of_the_answer() -> None:
    leg, worker = three(), Worker()
    wants, target = asking(leg), leg.targets[CHAT][0]
    served, failed = await worker.enter(wants, target), await worker.enter(wants, target)
    assert worker.sharing.counts()["a"][:2] == (2, 2)
    failed.give_back()
    served.began()
    assert worker.sharing.counts()["a"].running == 1
    served.settle(wants.record)
    assert worker.sharing.counts()["a"] == (0, 2, 0)
    worker.sharing.keep((), ())
    assert worker.sharing.counts() == {}


# Limits


async def test_limit_of_requests_when_reached_holds_for_every_minute() -> None:
    leg, worker = model(sharing("a", None, rpm=5)), Worker()
    target = leg.targets[CHAT][0]
    admitted: list[float] = []
    waits: list[float] = []
    for _ in range(400):
        worker.clock.now += 0.5
        try:
            (await worker.enter(asking(leg), target)).settle(Record("r", "POST", "/"))
            admitted.append(worker.clock.now)
        except RouteFull as full:
            waits.append(full.retry_after or 0.0)
    assert all(later - sooner > 60 for sooner, later in zip(admitted, admitted[5:], strict=False))
    assert len(admitted) >= 15
    assert all(1 <= wait <= 61 for wait in waits)


async def test_retry_after_when_waited_for_lets_the_request_in() -> None:
    leg, worker = model(sharing("a", None, rpm=2)), Worker()
    target = leg.targets[CHAT][0]
    for _ in range(2):
        await worker.enter(asking(leg), target)
    with pytest.raises(RouteFull) as full:
        await worker.enter(asking(leg), target)
    assert full.value.retry_after is not None
    worker.clock.now += full.value.retry_after
    await worker.enter(asking(leg), target)


async def test_full_target_is_believed_full_without_asking_the_store_again() -> None:
    leg, worker = model(sharing("a", None, rpm=1)), Worker()
    target = leg.targets[CHAT][0]
    await worker.enter(asking(leg), target)
    for _ in repeat(None, 10):
        with pytest.raises(RouteFull):
            await worker.enter(asking(leg), target)
    assert worker.store.asked == 2
    assert list(worker.sharing.limits.full()) == ["a"]
    assert worker.sharing.counts()["a"].passed_over == 10
    worker.clock.now += 62
    assert worker.sharing.limits.full() == {}


async def test_place_when_given_back_is_free_at_once() -> None:
    leg, worker = model(sharing("a", None, max_concurrent=1)), Worker()
    target = leg.targets[CHAT][0]
    for end in ("settle", "give_back"):
        turn = await worker.enter(asking(leg), target)
        with pytest.raises(RouteFull):
            await worker.enter(asking(leg), target)
        if end == "settle":
            turn.settle(Record("r", "POST", "/"))
        else:
            turn.give_back()
    await worker.enter(asking(leg), target)


@pytest.mark.parametrize(
    ("outcome", "failure", "left"),
    [
        ("upstream_connect_failed", "unreachable", (10, 1000)),
        ("unsupported", "unsupported", (10, 1000)),
        ("upstream_server_error", "transient", (9, 1000)),
        ("upstream_rate_limited", "rate_limit", (9, 1000)),
        ("ttft_timeout", "timeout", (9, 800)),
        ("cancelled", None, (9, 800)),
        ("", None, (10, 1000)),
    ],
    ids=["not reached", "not asked", "failed", "refused", "timed out", "client left", "never tried"],
)
async def test_failed_try_counts_as_far_as_the_upstream_may_have_counted_it(
    outcome: str, failure: str | None, left: tuple[int, int]
) -> None:
    leg, worker = model(sharing("a", None, rpm=10, tpm=1000)), Worker()
    wants = asking(leg, max_tokens=200 - len(asking(leg, max_tokens=200).call.body) // 4)
    turn = await worker.enter(wants, leg.targets[CHAT][0])
    if outcome:
        tried(wants, outcome, failure)
    turn.give_back()
    assert await left_of(worker) == left


async def test_tokens_when_settled_are_those_that_were_used() -> None:
    leg, worker = model(sharing("a", None, rpm=10, tpm=1000)), Worker()
    wants = asking(leg, max_tokens=900)
    turn = await worker.enter(wants, leg.targets[CHAT][0])
    wants.record.usage = Usage(input_tokens=70, output_tokens=30)
    turn.settle(wants.record)
    assert await left_of(worker) == (9, 900)


async def test_request_that_expects_more_than_the_minute_has_is_let_in_when_nothing_else_is_there() -> None:
    leg, worker = model(sharing("a", None, tpm=100)), Worker()
    target = leg.targets[CHAT][0]
    turn = await worker.enter(asking(leg, max_tokens=5000), target)
    with pytest.raises(RouteFull):
        await worker.enter(asking(leg, max_tokens=5000), target)
    turn.give_back()
    await worker.enter(asking(leg, max_tokens=5000), target)


async def left_of(worker: Worker) -> tuple[int, int]:
    counters = [
        StoreCounter("route:a:r", Kind.SLIDING, 0, 10, 60),
        StoreCounter("route:a:t", Kind.SLIDING, 0, 1000, 60),
    ]
    requests, tokens = (await worker.store.take("look", counters)).found
    return requests.left, tokens.left
