"""Which target answers? Tries them in order until one succeeds; one engine for every capability.

The order is that of the model's routes; where some of them share, it is chosen for each request.

One pass tries the targets of the model, each once, a failure going on to the next at once. When all have failed and
some failure may pass by itself, those targets are tried again after a pause with full jitter, for `num_retries` further
passes. Then the model's fallback models follow, each the same way. Targets that the circuit breaker has cooled are
passed over, unless nothing else is left. In all there are at most three tries, or one for each target if that is more;
a retry never takes the try of a target that has had none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from types import MappingProxyType
from typing import TypeVar

from models_catalog.snapshot import CatalogSnapshot, ModelEntry
from openai_api.pipeline import target_log
from openai_api.recording.events import Attempt
from openai_api.recording.failure_text import failure_text
from providers.breaker import NO_PROBE, Breakers
from providers.capabilities import Capability
from providers.errors import AdapterFailed, FailureClass, OwnCredentialError, ProviderError, RateLimited, own_failure
from providers.masking import mask_error, mask_of
from providers.retry import backoff
from providers.types import Secret, Target

log = logging.getLogger("gateway.requests")
MAX_TRIES = 3
NO_CREDENTIALS: Mapping[str, Secret] = MappingProxyType({})

T = TypeVar("T")
Try = Callable[[Target], Awaitable[T]]
Leave = Callable[[bool], None]
Enter = Callable[[ModelEntry, Target], Awaitable[Leave]]
"""Asks whether a target may be tried; what it gives is told whether the target has answered."""
Choose = Callable[[ModelEntry, Capability], Iterable[Target]]
"""The targets of a model that has some that share, in the order in which they are to be tried."""


TOLD_LAST = (FailureClass.QUOTA, FailureClass.CREDENTIAL, FailureClass.MODEL, FailureClass.UNSUPPORTED)
"""Failures that the client is told of only if there are no others, in this order: it can do nothing about the first three, and
what one target does not take need not be said if another would have."""


def no_place(served: bool) -> None:
    """What leaves a target where nobody asks for a place."""


async def free(leg: ModelEntry, target: Target) -> Leave:
    """Any target may be tried."""
    return no_place


def as_listed(leg: ModelEntry, capability: Capability) -> Iterable[Target]:
    """The targets in the order of the model's routes."""
    return leg.targets[capability]


class Exhausted(Exception):
    """No target succeeded; `error` is the failure to tell the client: the limit that ends first, else the last failure that may
    pass by itself, else the last of the first kind of `TOLD_LAST`."""

    def __init__(self, errors: list[ProviderError]) -> None:
        super().__init__("no target succeeded")
        limits = [error for error in errors if error.failure is FailureClass.RATE_LIMIT]
        self.error = min(limits, key=_wait) if limits else min(reversed(errors), key=_told_late)


class _Own:
    """Which targets may be tried, as far as requests bring credentials of their own.

    One whose credential does not come is passed over where the operator's own stand before it; else the model is one for those
    who bring a key, and the client is told which. Once that has been missing or refused, or its account used up, no target is
    tried that the operator would pay for.
    """

    __slots__ = ("_barred", "_brought", "_errors", "_paid")

    def __init__(self, brought: Mapping[str, Secret], errors: list[ProviderError]) -> None:
        self._brought = brought
        self._errors = errors
        self._paid = self._barred = False

    def may_try(self, target: Target) -> bool:
        if not target.dynamic:
            self._paid = True
            return not self._barred
        if self._brought.get(target.dynamic):
            return True
        if not self._paid:
            self._barred = True
            self._errors.append(OwnCredentialError(target.dynamic))
        return False

    def note(self, target: Target, error: ProviderError) -> None:
        """A target has failed. Raises `Exhausted` if no other is to be tried."""
        self._errors.append(error)
        if not error.policy.fallback:
            raise Exhausted([error]) from error
        self._barred |= bool(target.dynamic) and isinstance(error, OwnCredentialError | RateLimited)


async def route(
    entry: ModelEntry,
    capability: Capability,
    catalog: CatalogSnapshot,
    breakers: Breakers,
    attempts: list[Attempt],
    attempt: Try[T],
    *,
    only: Callable[[Target], bool] | None = None,
    brought: Mapping[str, Secret] = NO_CREDENTIALS,
    enter: Enter = free,
    choose: Choose = as_listed,
) -> tuple[Target, T]:
    """The first good result and its target; `attempts` gets a line for every try. With `only` no other target is tried; there
    must be one. `brought` are the credentials that the request brings. A target that `enter` raises `ProviderError` for is
    passed over. `choose` is asked only where targets share.

    `attempt` raises `ProviderError`. Raises `Exhausted`.
    """
    errors: list[ProviderError] = []
    refused: dict[str, ProviderError] = {}
    own = _Own(brought, errors)
    legs = list(catalog.chain(entry, capability))
    legs = legs if only is None else _with_only(legs, capability, only)
    untried = sum([len(leg.targets[capability]) for leg in legs])
    tries = max(MAX_TRIES, untried)
    for leg in legs:
        listed = leg.targets[capability]
        untried -= len(listed)
        targets = choose(leg, capability) if leg.groups and capability in leg.groups else listed
        for number in range(leg.retry.num_retries + 1):
            if number and len(attempts) + untried < tries:
                await asyncio.sleep(_pause(errors, number, leg.retry.max_delay_s))
            failed: list[Target] = []
            for target in filter(own.may_try, targets):
                if len(attempts) + untried >= tries or not (permit := breakers.allows(target.circuit)):
                    continue
                leave = await _entered(enter, leg, target, permit, breakers, refused)
                if leave is None:
                    continue
                try:
                    return target, await _tried(target, permit, breakers, attempts, attempt, brought, leave)
                except ProviderError as error:
                    own.note(target, error)
                    failed += (target,) if error.policy.retry else ()
            targets = failed
            if not failed:
                break
    if errors:
        raise Exhausted([*errors, *refused.values()])
    left = [(leg, target) for leg in legs for target in leg.targets[capability] if own.may_try(target)]
    return await _last_resort(left, breakers, attempts, attempt, refused, brought, enter)


async def _entered(
    enter: Enter, leg: ModelEntry, target: Target, permit: int, breakers: Breakers, refused: dict[str, ProviderError]
) -> Leave | None:
    """The target's place, None if there is none, and `refused` tells why, by its id."""
    try:
        return await enter(leg, target)
    except ProviderError as error:
        breakers.released(target.circuit, permit)
        refused[target.id] = error
        return None
    except BaseException:
        breakers.released(target.circuit, permit)
        raise


def _with_only(legs: list[ModelEntry], capability: Capability, only: Callable[[Target], bool]) -> list[ModelEntry]:
    kept = ((leg, tuple(target for target in leg.targets[capability] if only(target))) for leg in legs)
    return [replace(leg, targets={capability: targets}) for leg, targets in kept if targets]


def _wait(error: ProviderError) -> float:
    return error.retry_after or 1.0


def _told_late(error: ProviderError) -> int:
    late = error.failure in TOLD_LAST and not isinstance(error, OwnCredentialError)
    return TOLD_LAST.index(error.failure) + 1 if late else 0


async def _last_resort(
    targets: Sequence[tuple[ModelEntry, Target]],
    breakers: Breakers,
    attempts: list[Attempt],
    attempt: Try[T],
    refused: dict[str, ProviderError],
    brought: Mapping[str, Secret],
    enter: Enter,
) -> tuple[Target, T]:
    """Tries the one target whose cooldown ends first and that may be tried, when all have been passed over."""
    while left := {target.circuit: (leg, target) for leg, target in targets if target.id not in refused}:
        leg, target = left[breakers.first_to_open(left)]
        leave = await _entered(enter, leg, target, NO_PROBE, breakers, refused)
        if leave is None:
            continue
        try:
            return target, await _tried(target, NO_PROBE, breakers, attempts, attempt, brought, leave)
        except ProviderError as error:
            raise Exhausted([error]) from error
    raise Exhausted(list(refused.values()))


async def _tried(
    target: Target,
    permit: int,
    breakers: Breakers,
    attempts: list[Attempt],
    attempt: Try[T],
    brought: Mapping[str, Secret],
    leave: Leave = no_place,
) -> T:
    line = Attempt(target.id, target.provider, target.upstream_model, vendor=target.vendor, server=target.server)
    attempts.append(line)
    started, served = perf_counter(), False
    try:
        result = await attempt(target)
    except ProviderError as failure:
        mask_error(failure, mask_of(target.adapter.config, brought))
        error = own_failure(target.dynamic, failure)
        line.outcome, line.failure, line.message = error.code, error.failure.value, failure_text(error)
        _report(breakers, target, permit, error)
        raise error from failure.__cause__
    except asyncio.CancelledError:
        breakers.released(target.circuit, permit)
        raise
    except Exception as error:
        line.outcome = "internal_error"
        breakers.released(target.circuit, permit)
        log.error("an adapter failed", exc_info=error, extra={"provider": target.provider, "model": target.model})
        raise AdapterFailed(type(error).__name__) from error
    else:
        line.outcome = "ok"
        served = True
        if breakers.succeeded(target.circuit):
            target_log.answers_again(target)
        return result
    finally:
        leave(served)
        line.upstream_s = perf_counter() - started


def _report(breakers: Breakers, target: Target, permit: int, error: ProviderError) -> None:
    target_log.failed(target, error)
    circuit = target.circuit
    if error.policy.counts or isinstance(error, target_log.ALARMING) or error.failure is FailureClass.RATE_LIMIT:
        breakers.note(target.id, target_log.last_failure(error))
    if target.dynamic and isinstance(error, RateLimited):
        breakers.released(circuit, permit)  # the account is the client's: others bring other keys
    elif error.failure is FailureClass.RATE_LIMIT:
        seconds = error.retry_after or 1.0
        if breakers.cool(circuit, seconds):
            target_log.limited(target, error, seconds)
    elif error.policy.counts:
        if seconds := breakers.failed(circuit):
            target_log.cooled(target, error, seconds)
    else:
        breakers.released(circuit, permit)
    if isinstance(error, target_log.ALARMING) and breakers.is_new(circuit, error.code):
        target_log.alarming(target, error)


def _pause(errors: list[ProviderError], number: int, max_delay_s: float) -> float:
    asked = errors[-1].retry_after or 0.0
    return max(backoff(number, max_delay_s), min(asked, max_delay_s))
