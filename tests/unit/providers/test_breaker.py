"""Does the circuit breaker leave a failing target alone, for as long as it says, and let one probe through?"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from providers.breaker import COOLDOWN_S, MAX_COOLDOWN_S, PROBE_S, WINDOW_S, Breakers

TARGETS = ("a", "b")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Model:
    """One target in the plainest terms: what happened since it was last well, and until when it is left alone."""

    in_a_row: int = 0
    tries: list[tuple[float, bool]] = field(default_factory=list)
    cooled_until: float | None = None
    cooldowns: int = 0
    limited: bool = False
    probe: int = 0
    probe_until: float = 0.0

    def window(self, now: float, failed: bool) -> None:
        if not self.tries or now - self.tries[0][0] > WINDOW_S:
            self.tries = []
        self.tries.append((now, failed))

    def broken(self) -> bool:
        failures = sum(failed for _, failed in self.tries)
        return self.in_a_row >= 5 or (len(self.tries) >= 20 and failures * 2 >= len(self.tries))


class BreakerMachine(RuleBasedStateMachine):
    """Any order of questions and reports, by callers that may be late, against the model."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breakers = Breakers(self.clock)
        self.known: dict[str, Model] = {}
        self.permits: list[tuple[str, int]] = []

    @rule(target_id=st.sampled_from(TARGETS))
    def ask(self, target_id: str) -> None:
        model, now = self.known.get(target_id), self.clock.now
        allowed = model is None or model.cooled_until is None or (now >= model.cooled_until and now >= model.probe_until)
        permit = self.breakers.allows(target_id)
        assert bool(permit) is allowed
        if model is not None and model.cooled_until is not None and allowed:
            assert permit not in {number for _, number in self.permits}
            model.probe, model.probe_until = permit, now + PROBE_S
        if allowed:
            self.permits.append((target_id, permit))

    @rule(target_id=st.sampled_from(TARGETS))
    def succeed(self, target_id: str) -> None:
        self.breakers.succeeded(target_id)
        model, now = self.known.get(target_id), self.clock.now
        if model is None:
            return
        if model.cooled_until is None:
            model.in_a_row = 0
            model.window(now, False)
        elif now >= model.cooled_until:
            del self.known[target_id]

    @rule(target_id=st.sampled_from(TARGETS), times=st.sampled_from([1, 1, 1, 4, 5, 10]))
    def fail(self, target_id: str, times: int) -> None:
        for _ in range(times):
            self.fail_once(target_id)

    def fail_once(self, target_id: str) -> None:
        self.breakers.failed(target_id)
        model, now = self.known.setdefault(target_id, Model()), self.clock.now
        model.in_a_row += 1
        model.window(now, True)
        if model.cooled_until is not None and now < model.cooled_until:
            return
        if model.cooled_until is not None and not model.limited:
            model.cooldowns += 1
        again = model.broken() or (model.cooled_until is not None and not model.limited)
        seconds = min(COOLDOWN_S * 2**model.cooldowns, MAX_COOLDOWN_S)
        model.cooled_until, model.probe_until, model.limited = now + seconds if again else None, 0.0, False

    @rule(target_id=st.sampled_from(TARGETS), seconds=st.sampled_from([1.0, 7.0, 60.0]))
    def cool(self, target_id: str, seconds: float) -> None:
        self.breakers.cool(target_id, seconds)
        model = self.known.setdefault(target_id, Model())
        model.limited = model.limited or model.cooled_until is None
        model.cooled_until, model.probe_until = max(model.cooled_until or 0.0, self.clock.now + seconds), 0.0

    @precondition(lambda self: self.permits)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        target_id, permit = self.permits.pop(data.draw(st.integers(0, len(self.permits) - 1)))
        self.breakers.released(target_id, permit)
        if target_id in self.known and self.known[target_id].probe == permit:
            self.known[target_id].probe_until = 0.0

    @rule(seconds=st.sampled_from([0.5, 5.0, 11.0, 29.5, 30.0, 60.0, 300.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def states_are_those_of_the_model(self) -> None:
        shown = {target: (state.state, state.failures, state.seconds) for target, state in self.breakers.states().items()}
        assert shown == {target: self.shown(model) for target, model in self.known.items()}

    def shown(self, model: Model) -> tuple[str, int, float]:
        if model.cooled_until is None:
            return "closed", model.in_a_row, 0.0
        left = model.cooled_until - self.clock.now
        return ("open", model.in_a_row, left) if left > 0 else ("half-open", model.in_a_row, 0.0)


BreakerMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestBreakerMachine = BreakerMachine.TestCase


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> Breakers:
    return Breakers(clock)


def fail(breakers: Breakers, times: int) -> None:
    for _ in range(times):
        breakers.failed("a")


def test_target_when_it_fails_five_times_in_a_row_then_cooled_for_thirty_seconds(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, 4)
    assert breakers.allows("a")
    fail(breakers, 1)
    clock.now += 29.9
    assert not breakers.allows("a")
    assert breakers.allows("b")
    clock.now += 0.1
    assert breakers.allows("a")


def test_target_when_a_success_comes_between_then_not_cooled(breakers: Breakers) -> None:
    fail(breakers, 4)
    breakers.succeeded("a")
    fail(breakers, 4)
    assert breakers.allows("a")


def test_target_when_half_of_twenty_tries_fail_then_cooled(breakers: Breakers) -> None:
    for _ in range(9):
        breakers.failed("a")
        breakers.succeeded("a")
    breakers.failed("a")
    assert breakers.allows("a")
    breakers.failed("a")
    assert not breakers.allows("a")


def test_target_when_the_failures_are_spread_over_time_then_not_cooled(breakers: Breakers, clock: Clock) -> None:
    for _ in range(40):
        breakers.failed("a")
        breakers.succeeded("a")
        clock.now += 1.5
    assert breakers.allows("a")


def test_probe_when_the_cooldown_is_over_then_one_alone_is_let_through(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, 5)
    clock.now += 30
    assert [bool(breakers.allows("a")) for _ in range(3)] == [True, False, False]
    clock.now += PROBE_S
    assert breakers.allows("a")


def test_probe_when_it_succeeds_then_the_circuit_is_closed(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, 5)
    clock.now += 30
    assert breakers.allows("a")
    breakers.succeeded("a")
    assert breakers.states() == {}
    fail(breakers, 4)
    assert breakers.allows("a")


def test_probe_when_it_fails_again_and_again_then_the_cooldown_doubles_up_to_five_minutes(
    breakers: Breakers, clock: Clock
) -> None:
    fail(breakers, 5)
    seconds = []
    for _ in range(6):
        left = breakers.states()["a"].seconds
        seconds.append(left)
        clock.now += left
        assert breakers.allows("a")
        breakers.failed("a")
    assert seconds == [30, 60, 120, 240, 300, 300]


def test_probe_when_released_then_the_next_may_probe(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, 5)
    clock.now += 30
    breakers.released("a", breakers.allows("a"))
    assert breakers.allows("a")


def test_probe_when_an_earlier_try_is_released_then_still_the_only_one(breakers: Breakers, clock: Clock) -> None:
    earlier = breakers.allows("a")
    fail(breakers, 5)
    clock.now += 30
    lost = breakers.allows("a")
    breakers.released("a", earlier)
    assert not breakers.allows("a")
    clock.now += PROBE_S
    assert breakers.allows("a")
    breakers.released("a", lost)
    assert not breakers.allows("a")


def test_targets_when_they_are_no_more_then_forgotten(breakers: Breakers) -> None:
    fail(breakers, 5)
    breakers.failed("b")
    breakers.keep({"b", "c"})
    assert list(breakers.states()) == ["b"]
    assert breakers.allows("a")


def test_target_when_cooled_for_its_rate_limit_then_left_alone_so_long(breakers: Breakers, clock: Clock) -> None:
    breakers.cool("a", 7)
    breakers.cool("a", 3)
    clock.now += 6.9
    assert not breakers.allows("a")
    clock.now += 0.1
    assert breakers.allows("a")


def test_success_when_it_began_before_the_cooldown_then_does_not_end_it(breakers: Breakers) -> None:
    breakers.cool("a", 7)
    breakers.succeeded("a")
    assert not breakers.allows("a")


def test_failures_when_they_come_late_then_do_not_lengthen_the_cooldown(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, 5)
    clock.now += 10
    fail(breakers, 20)
    assert breakers.states()["a"].seconds == 20


def test_first_to_open_when_asked_then_the_one_whose_cooldown_ends_first(breakers: Breakers) -> None:
    breakers.cool("a", 9)
    breakers.cool("b", 4)
    assert breakers.first_to_open(["a", "b"]) == "b"
    assert breakers.first_to_open(["a", "b", "unknown"]) == "unknown"


def test_circuit_when_it_opens_and_closes_says_so_once() -> None:
    clock = Clock()
    breakers = Breakers(clock)
    assert [breakers.failed("a") for _ in range(6)] == [0.0] * 4 + [COOLDOWN_S, 0.0]
    assert not breakers.succeeded("a")
    clock.now += COOLDOWN_S
    assert breakers.failed("a") == 2 * COOLDOWN_S
    clock.now += 2 * COOLDOWN_S
    assert breakers.succeeded("a")
    assert not breakers.succeeded("a")


def test_circuit_when_its_target_asked_for_peace_says_so_once_and_closes_in_silence() -> None:
    clock = Clock()
    breakers = Breakers(clock)
    assert [breakers.cool("a", 5.0) for _ in range(3)] == [True, False, False]
    clock.now += 5.0
    assert breakers.cool("a", 5.0)
    clock.now += 5.0
    assert not breakers.succeeded("a")


def test_failure_when_it_is_alarming_is_new_until_the_target_answers() -> None:
    breakers = Breakers(Clock())
    assert [breakers.is_new("a", "x"), breakers.is_new("a", "x"), breakers.is_new("a", "y")] == [True, False, True]
    breakers.succeeded("a")
    assert breakers.is_new("a", "y")
