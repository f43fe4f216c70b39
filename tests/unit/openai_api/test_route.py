"""Does the engine try the targets in the right order, as often as it may, and say the right thing when none answers?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from models_catalog.snapshot import CatalogSnapshot, ModelEntry, RetryPolicy
from openai_api.pipeline.route import Exhausted, route
from openai_api.recording.events import Attempt
from providers.breaker import Breakers
from providers.capabilities import Capability
from providers.errors import (
    POLICIES,
    AdapterFailed,
    CallerError,
    ConnectFailed,
    CredentialError,
    FailureClass,
    IdleTimeout,
    InvalidResponse,
    ModelNotFound,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    Unsupported,
    UpstreamFailed,
)
from providers.types import Target
from tests.unit.openai_api.parts import entry, snapshot, target

CHAT = Capability.CHAT
AT_ONCE = 0.0
ONE_PASS = RetryPolicy(0, AT_ONCE)
OF_CLASS: Mapping[FailureClass, Callable[[], ProviderError]] = {
    FailureClass.CALLER: lambda: CallerError(400, "No."),
    FailureClass.UNSUPPORTED: lambda: Unsupported(400, "Not here."),
    FailureClass.CREDENTIAL: CredentialError,
    FailureClass.MODEL: ModelNotFound,
    FailureClass.RATE_LIMIT: RateLimited,
    FailureClass.QUOTA: QuotaExceeded,
    FailureClass.OVERLOAD: Overloaded,
    FailureClass.TRANSIENT: UpstreamFailed,
    FailureClass.UNREACHABLE: ConnectFailed,
    FailureClass.TIMEOUT: IdleTimeout,
    FailureClass.PROTOCOL: InvalidResponse,
    FailureClass.INTERNAL: AdapterFailed,
}
RETRIED = [failure for failure, policy in POLICIES.items() if policy.retry]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Journey:
    """Routes over real breakers; `outcomes[id]` are what the tries of a target end with, the last one for ever."""

    models: tuple[ModelEntry, ...]
    outcomes: Mapping[str, list[object]]
    clock: Clock = field(default_factory=Clock)
    tried: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breakers = Breakers(self.clock)
        self.catalog: CatalogSnapshot = snapshot(*self.models)
        self._left = {name: list(outcomes) for name, outcomes in self.outcomes.items()}

    def circuit(self, letter: str) -> str:
        return next(found.circuit for model in self.models for found in model.targets[CHAT] if found.id == letter)

    def allows(self, letter: str) -> bool:
        return bool(self.breakers.allows(self.circuit(letter)))

    async def attempt(self, to: Target) -> str:
        self.tried.append(to.id)
        left = self._left.get(to.id, ["ok"])
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return str(outcome)

    async def go(self, attempt: Callable[[Target], Awaitable[str]] | None = None) -> tuple[Target, str]:
        self.attempts.clear()
        return await route(self.models[0], CHAT, self.catalog, self.breakers, self.attempts, attempt or self.attempt)

    async def fail(self) -> ProviderError:
        with pytest.raises(Exhausted) as raised:
            await self.go()
        return raised.value.error


def model(name: str, ids: str, *, retry: RetryPolicy = ONE_PASS, fallbacks: tuple[str, ...] = ()) -> ModelEntry:
    """A model with a target for each letter."""
    return entry(name, *(target(letter) for letter in ids), retry=retry, fallbacks=fallbacks)


async def test_route_when_the_first_target_answers_then_no_other_is_tried() -> None:
    journey = Journey((model("m", "abc"),), {})
    answered, result = await journey.go()
    assert (answered.id, result, journey.tried) == ("a", "ok", ["a"])
    line = journey.attempts[0]
    assert (line.target, line.provider, line.upstream_model, line.outcome, line.failure) == ("a", "p-a", "echo", "ok", None)


@pytest.mark.parametrize("failure", FailureClass)
async def test_route_when_a_target_fails_then_its_class_decides_whether_the_next_is_tried(failure: FailureClass) -> None:
    error = OF_CLASS[failure]()
    journey = Journey((model("m", "abc"),), {"a": [error]})
    if POLICIES[failure].fallback:
        answered, _ = await journey.go()
        assert (answered.id, journey.tried) == ("b", ["a", "b"])
    else:
        assert await journey.fail() is error
        assert journey.tried == ["a"]
    assert (journey.attempts[0].outcome, journey.attempts[0].failure) == (error.code, failure.value)


@pytest.mark.parametrize("failure", FailureClass)
async def test_route_when_all_targets_fail_then_its_class_decides_whether_they_are_tried_again(failure: FailureClass) -> None:
    journey = Journey((model("m", "a", retry=RetryPolicy(5, AT_ONCE)),), {"a": [OF_CLASS[failure]()]})
    await journey.fail()
    assert journey.tried == ["a"] * (3 if POLICIES[failure].retry else 1)


@pytest.mark.parametrize("failure", FailureClass)
async def test_route_when_a_target_fails_five_times_then_its_class_decides_whether_it_is_cooled(failure: FailureClass) -> None:
    journey = Journey((model("m", "ab"),), {"a": [OF_CLASS[failure]()]})
    for _ in range(5):
        with contextlib.suppress(Exhausted):
            await journey.go()
        journey.clock.now += 1.0
    cooled = not journey.allows("a")
    assert cooled is POLICIES[failure].counts


# Passes and budget


@pytest.mark.parametrize("failure", RETRIED)
async def test_retry_when_the_first_pass_failed_then_the_list_is_tried_again_in_order(failure: FailureClass) -> None:
    error = OF_CLASS[failure]()
    journey = Journey((model("m", "ab", retry=RetryPolicy(2, AT_ONCE)),), {"a": [error, "second"], "b": [error]})
    assert (await journey.go())[1] == "second"
    assert journey.tried == ["a", "b", "a"]
    assert [line.outcome for line in journey.attempts] == [error.code, error.code, "ok"]


async def test_retry_when_only_one_failure_may_pass_by_itself_then_only_that_target_is_tried_again() -> None:
    journey = Journey((model("m", "ab", retry=RetryPolicy(2, AT_ONCE)),), {"a": [CredentialError()], "b": [Overloaded(), "ok"]})
    await journey.go()
    assert journey.tried == ["a", "b", "b"]


@pytest.mark.parametrize(
    ("ids", "num_retries", "tried"),
    [("a", 0, "a"), ("a", 1, "aa"), ("a", 2, "aaa"), ("a", 9, "aaa"), ("ab", 9, "aba"), ("abc", 9, "abc"), ("abcde", 9, "abcde")],
)
async def test_budget_when_everything_fails_then_three_tries_or_one_for_each_target(
    ids: str, num_retries: int, tried: str
) -> None:
    outcomes: dict[str, list[object]] = {letter: [UpstreamFailed()] for letter in ids}
    journey = Journey((model("m", ids, retry=RetryPolicy(num_retries, AT_ONCE)),), outcomes)
    await journey.fail()
    assert "".join(journey.tried) == tried


async def test_budget_when_it_is_used_up_then_no_pause_comes_before_the_answer() -> None:
    slow = RetryPolicy(5, 60.0)
    failing: dict[str, list[object]] = {letter: [Overloaded(retry_after=60.0)] for letter in "abc"}
    journey = Journey((model("m", "abc", retry=slow),), failing)
    async with asyncio.timeout(1):
        await journey.fail()


async def test_pause_when_the_provider_asks_for_one_then_waited_for() -> None:
    journey = Journey((model("m", "a", retry=RetryPolicy(1, 0.05)),), {"a": [Overloaded(retry_after=30.0), "ok"]})
    started = asyncio.get_running_loop().time()
    await journey.go()
    assert 0.05 <= asyncio.get_running_loop().time() - started < 1


# Fallback models


async def test_fallback_models_when_a_model_fails_then_tried_depth_first_each_once() -> None:
    models = (
        model("m", "a", fallbacks=("n", "o")),
        model("n", "b", fallbacks=("p", "m")),
        model("o", "c", fallbacks=("m", "n", "gone")),
        model("p", "d", fallbacks=("o", "p")),
    )
    journey = Journey(models, {letter: [CredentialError()] for letter in "abcd"})
    await journey.fail()
    assert "".join(journey.tried) == "abdc"
    assert [leg.name for leg in journey.catalog.chain(models[0], CHAT)] == ["m", "n", "p", "o"]


@pytest.mark.parametrize("failure", RETRIED)
async def test_fallback_models_when_a_model_may_be_retried_then_they_still_get_their_try(failure: FailureClass) -> None:
    models = (model("m", "a", retry=RetryPolicy(5, AT_ONCE), fallbacks=("n",)), model("n", "b"))
    journey = Journey(models, {"a": [OF_CLASS[failure]()]})
    answered, _ = await journey.go()
    assert (answered.id, journey.tried) == ("b", ["a", "a", "b"])


async def test_fallback_models_when_the_caller_is_at_fault_then_not_tried() -> None:
    journey = Journey((model("m", "a", fallbacks=("n",)), model("n", "b")), {"a": [CallerError(400, "No.")]})
    await journey.fail()
    assert journey.tried == ["a"]


async def test_fallback_models_when_one_lacks_the_capability_then_skipped_but_its_own_fallbacks_are_not() -> None:
    lacking = ModelEntry("n", frozenset(), {}, fallbacks=("o",))
    journey = Journey((model("m", "a", fallbacks=("n",)), lacking, model("o", "c")), {"a": [CredentialError()]})
    assert (await journey.go())[0].id == "c"


# Circuit breakers


def open_circuit(journey: Journey, *ids: str) -> None:
    for letter in ids:
        for _ in range(5):
            journey.breakers.failed(journey.circuit(letter))


async def test_cooled_target_when_another_is_left_then_passed_over() -> None:
    journey = Journey((model("m", "ab"),), {})
    open_circuit(journey, "a")
    assert (await journey.go())[0].id == "b"
    assert journey.tried == ["b"]


async def test_cooled_target_when_a_fallback_model_is_left_then_passed_over() -> None:
    journey = Journey((model("m", "a", fallbacks=("n",)), model("n", "b")), {})
    open_circuit(journey, "a")
    assert (await journey.go())[0].id == "b"
    assert journey.tried == ["b"]


async def test_cooled_targets_when_nothing_else_is_left_then_the_first_to_open_is_tried_once() -> None:
    journey = Journey((model("m", "ab", retry=RetryPolicy(5, AT_ONCE), fallbacks=("n",)), model("n", "c")), {})
    open_circuit(journey, "a", "c")
    journey.breakers.cool(journey.circuit("b"), 10)
    assert (await journey.go())[0].id == "b"
    assert journey.tried == ["b"]


async def test_cooled_targets_when_the_last_one_fails_then_its_error_is_told() -> None:
    error = Overloaded()
    journey = Journey((model("m", "a", retry=RetryPolicy(5, AT_ONCE)),), {"a": [error]})
    open_circuit(journey, "a")
    assert await journey.fail() is error
    assert journey.tried == ["a"]


async def test_probe_when_the_budget_is_used_up_then_not_taken() -> None:
    """A probe that nobody makes would keep the target out for a minute."""
    journey = Journey((model("m", "ab", retry=RetryPolicy(5, AT_ONCE)),), {})
    failing = UpstreamFailed()

    async def attempt(to: Target) -> str:
        journey.tried.append(to.id)
        if len(journey.tried) == 3:
            open_circuit(journey, "b")
            journey.clock.now += 30
        raise failing

    with pytest.raises(Exhausted):
        await journey.go(attempt)
    assert journey.tried == ["a", "b", "a"]
    assert journey.allows("b")


async def test_probe_when_it_succeeds_then_the_circuit_is_closed() -> None:
    journey = Journey((model("m", "a"),), {})
    open_circuit(journey, "a")
    journey.clock.now += 30
    await journey.go()
    assert journey.breakers.states() == {}


@pytest.mark.parametrize(
    ("error", "released"),
    [(CallerError(400, "No."), True), (AdapterFailed(), True), (ValueError("a defect"), True), (UpstreamFailed(), False)],
    ids=["caller", "internal", "exception", "failure"],
)
async def test_probe_when_it_says_nothing_of_the_target_then_another_may_be_made(error: Exception, released: bool) -> None:
    journey = Journey((model("m", "a"),), {"a": [error]})
    open_circuit(journey, "a")
    journey.clock.now += 30
    await journey.fail()
    assert journey.allows("a") is released


async def test_defect_when_an_adapter_has_one_then_its_traceback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    await Journey((model("m", "a"),), {"a": [ValueError("a defect")]}).fail()
    (record,) = [record for record in caplog.records if record.name == "gateway.requests"]
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError


async def test_probe_when_the_client_leaves_then_released_and_the_line_says_so() -> None:
    journey = Journey((model("m", "a"),), {})
    open_circuit(journey, "a")
    journey.clock.now += 30
    started = asyncio.Event()

    async def attempt(to: Target) -> str:
        started.set()
        await asyncio.sleep(60)
        return "never"

    task = asyncio.ensure_future(journey.go(attempt))
    await started.wait()
    assert not journey.allows("a")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert journey.allows("a")
    assert (journey.attempts[0].outcome, journey.attempts[0].failure) == ("cancelled", None)
    assert journey.attempts[0].upstream_s > 0


async def test_rate_limit_when_told_then_the_target_is_left_alone_so_long() -> None:
    journey = Journey((model("m", "ab"),), {"a": [RateLimited(retry_after=7.0), "ok"]})
    await journey.go()
    journey.clock.now += 6.9
    await journey.go()
    journey.clock.now += 0.2
    await journey.go()
    assert journey.tried == ["a", "b", "b", "a"]


# Which error is told


async def test_error_when_several_failed_then_the_last_is_told() -> None:
    last = IdleTimeout()
    journey = Journey((model("m", "abc"),), {"a": [Overloaded()], "b": [CredentialError()], "c": [last]})
    assert await journey.fail() is last


async def test_error_when_some_were_rate_limits_then_the_earliest_is_told() -> None:
    early = RateLimited(retry_after=3.0)
    outcomes: dict[str, list[object]] = {
        "a": [RateLimited(retry_after=9.0)],
        "b": [early],
        "c": [QuotaExceeded()],
        "d": [Overloaded(retry_after=1.0)],
    }
    assert await Journey((model("m", "abcd"),), outcomes).fail() is early


async def test_error_when_a_later_target_finds_the_request_at_fault_then_that_is_told() -> None:
    fault = CallerError(400, "No.")
    journey = Journey((model("m", "abc"),), {"a": [RateLimited(retry_after=3.0)], "b": [fault]})
    assert await journey.fail() is fault
    assert journey.tried == ["a", "b"]


async def test_error_when_the_attempt_has_a_defect_then_internal_and_no_other_target() -> None:
    journey = Journey((model("m", "ab"),), {"a": [KeyError("sk-secret-0123456789")]})
    error = await journey.fail()
    assert isinstance(error, AdapterFailed)
    assert "sk-secret" not in f"{error}{error.public_message}"
    assert journey.tried == ["a"]
    assert journey.attempts[0].outcome == "internal_error"


MIXED: list[tuple[list[ProviderError], int]] = [
    ([Overloaded(), ModelNotFound()], 0),
    ([ModelNotFound(), UpstreamFailed()], 1),
    ([UpstreamFailed(), CredentialError()], 0),
    ([CredentialError(), ModelNotFound()], 0),
    ([ModelNotFound(), Unsupported(400, "Not here.")], 0),
    ([QuotaExceeded(), UpstreamFailed()], 1),
    ([CredentialError(), QuotaExceeded()], 1),
    ([QuotaExceeded(), RateLimited(retry_after=9.0)], 1),
    ([UpstreamFailed(), Overloaded()], 1),
    ([Unsupported(400, "Not here."), Unsupported(400, "Nor here.")], 1),
]


@pytest.mark.parametrize(("errors", "told"), MIXED)
def test_errors_when_mixed_then_the_one_that_may_pass_is_told(errors: list[ProviderError], told: int) -> None:
    assert Exhausted(errors).error is errors[told]
