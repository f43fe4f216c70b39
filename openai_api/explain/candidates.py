"""Which routes would be tried, in which order, and why not the others? By `pipeline/route.py`, which is let try none.

Each target that the router comes to is looked at as the exchange would enter it, and then refused, so that the router goes on to
the next: it passes all of them, in its own order, and none is asked. Its circuit breakers are a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from time import time

from models_catalog.route_groups import Group
from models_catalog.snapshot import ModelEntry
from models_catalog.tariffs import PICO
from openai_api.context import Gateway
from openai_api.errors import ApiError, upstream
from openai_api.explain.cost import most_at
from openai_api.explain.result import Leg, Reason, RouteSeen, Status
from openai_api.limits.admission import Asking, Looking
from openai_api.pipeline.route import MAX_TRIES, Exhausted, Leave, route
from providers.convert.calling import wire_for
from providers.convert.converted import lossy_of
from providers.convert.signed import SIGNED, without_foreign
from providers.errors import FailureClass, ProviderError
from providers.offload import offload
from providers.types import Call, Target, Wire

Key = tuple[str, str]
"""The names of a model and of a target."""


class _Looked(ProviderError):
    """The route may be tried."""

    failure = FailureClass.UNSUPPORTED


@dataclass(slots=True)
class Walk:
    """`error` is what the client is told where nothing is left to try."""

    legs: list[Leg]
    most_tries: int
    error: ApiError | None


async def routes_of(gateway: Gateway, asking: Asking) -> Walk:
    """All targets of the model and of the fallback models that follow."""
    entry, capability = asking.entry, asking.call.capability
    legs = list(asking.catalog.chain(entry, capability))
    seen = await _passed(gateway, asking)
    cooled = _cooled(gateway, [target for leg in legs for target in leg.targets[capability]])
    told: dict[Key, RouteSeen] = {}
    for leg in legs:
        for target in leg.targets[capability]:
            told[leg.name, target.id] = await _look(gateway, asking, leg, target)
    _judge(seen, told, cooled, asking)
    made = [_leg(gateway, leg, asking, told, seen.order) for leg in legs]
    left = any(one.status is not Status.EXCLUDED for leg in made for one in leg.routes)
    return Walk(made, max(MAX_TRIES, len(told)), None if left else _error(seen, told))


@dataclass(slots=True)
class _Passed:
    """What the router has come to: `order` are the keys of targets, `refused` why some may not be tried, `end` how it ended."""

    order: list[Key]
    refused: dict[Key, ProviderError]
    end: ProviderError | None


async def _passed(gateway: Gateway, asking: Asking) -> _Passed:
    passed = _Passed([], {}, None)

    async def enter(leg: ModelEntry, target: Target) -> Leave:
        key = leg.name, target.id
        passed.order.append(key)
        error = await _refused(gateway, asking, leg, target)
        if error is not None:
            passed.refused[key] = error
        raise error or _Looked()

    call = asking.call
    try:
        await route(
            asking.entry,
            call.capability,
            asking.catalog,
            gateway.breakers.copy(),
            [],
            _never,
            brought=call.credentials,
            enter=enter,
            choose=partial(gateway.sharing.order, asking),
        )
    except Exhausted as exhausted:
        passed.end = exhausted.error
    return passed


async def _never(target: Target) -> None:
    raise _Looked


async def _refused(gateway: Gateway, asking: Asking, leg: ModelEntry, target: Target) -> ProviderError | None:
    """Why the target may not be entered now, as the exchange asks it."""
    if leg.watched and (full := await gateway.sharing.limits.look(asking, leg, target)) is not None:
        return full
    for gate in () if leg.name == asking.entry.name else gateway.gates:
        if isinstance(gate, Looking) and (error := await gate.look(asking, leg, target)) is not None:
            return error
    return None


def _cooled(gateway: Gateway, targets: Sequence[Target]) -> frozenset[str]:
    copy = gateway.breakers.copy()
    return frozenset(circuit for circuit in {target.circuit for target in targets} if not copy.allows(circuit))


async def _look(gateway: Gateway, asking: Asking, leg: ModelEntry, target: Target) -> RouteSeen:
    """A target as it is, whether it is tried or not."""
    call = asking.call
    standing = gateway.sharing.standing(leg, target, streamed=call.stream)
    state = gateway.breakers.states().get(target.circuit)
    seen = RouteSeen(target.id, leg.name, target.provider, target.upstream_model, Status.CANDIDATE)
    seen.weight, seen.group, seen.share = target.sharing.weight, *_part(leg.groups.get(call.capability, ()), target)
    seen.running, seen.pace_s = standing.running, standing.pace_s
    seen.price_usd = None if standing.price is None else Decimal(int(standing.price)) / PICO
    seen.circuit, seen.circuit_s = ("closed", 0.0) if state is None else (state.state, round(state.seconds, 1))
    seen.most_usd = most_at(asking, leg, target, time())
    try:
        wire = wire_for(target, call)
        seen.wire, seen.converted = wire.value, wire is not call.wire
        seen.lossy = list(await offload(len(call.body), _lossy, call, wire, target))
    except ProviderError as error:
        text = str(error) or error.public_message
        seen.reasons.append(Reason(getattr(error, "upstream_code", None) or error.code, text))
    return seen


def _lossy(call: Call, wire: Wire, target: Target) -> tuple[str, ...]:
    """Raises `ProviderError`."""
    if wire is not call.wire:
        return lossy_of(call, wire, target.adapter)
    return without_foreign(call)[1] if wire in SIGNED else ()


def _part(groups: Sequence[Group], target: Target) -> tuple[int | None, float | None]:
    """The number of the target's group, from 1, and its part in it by weight; None for one that shares with no other."""
    for number, group in enumerate(groups, 1):
        if target in group.targets and len(group.targets) > 1:
            place = group.targets.index(target)
            weight = group.weights[place] if place < len(group.weights) else 0.0
            return number, weight / group.sums[-1]
    return None, None


def _judge(seen: _Passed, told: dict[Key, RouteSeen], cooled: frozenset[str], asking: Asking) -> None:
    """Says of each target whether it is tried, and why it is not."""
    legs = asking.catalog.chain(asking.entry, asking.call.capability)
    targets = {target.id: target for leg in legs for target in leg.targets[asking.call.capability]}
    for key, one in told.items():
        target = targets[one.id]
        if key in seen.refused:
            error = seen.refused[key]
            one.reasons.append(Reason(error.code, error.public_message))
        elif target.circuit in cooled:
            one.reasons.append(Reason("circuit_open", f"Its circuit is {one.circuit}; it is asked again in {one.circuit_s:g} s."))
        elif key not in seen.order:
            brought = f"The request must bring the credential {target.dynamic!r}."
            text = brought if target.dynamic else "Requests must bring their own credential, and this one is the operator's."
            one.reasons.append(Reason("credential_missing", text))
        one.status = Status.EXCLUDED if one.reasons else Status.CANDIDATE
    if not any(one.status is Status.CANDIDATE for one in told.values()):
        _last_resort(seen, told)


def _last_resort(seen: _Passed, told: dict[Key, RouteSeen]) -> None:
    """The one whose circuit opens first is tried all the same."""
    for key in seen.order:
        one = told[key]
        if [reason.code for reason in one.reasons] == ["circuit_open"]:
            one.status = Status.LAST_RESORT
            return


def _leg(gateway: Gateway, leg: ModelEntry, asking: Asking, told: dict[Key, RouteSeen], order: list[Key]) -> Leg:
    """The routes that are tried first, in their order, and then the others as they are listed."""
    tried = [key for key in dict.fromkeys(order) if told[key].status is not Status.EXCLUDED]
    for place, key in enumerate(tried, 1):
        told[key].order = place
    routes = [told[leg.name, target.id] for target in leg.targets[asking.call.capability]]
    routes.sort(key=lambda one: (one.order is None, one.order or 0))
    return Leg(leg.name, leg.name != asking.entry.name, leg.strategy.value, leg.retry.num_retries, routes)


def _error(seen: _Passed, told: dict[Key, RouteSeen]) -> ApiError:
    """What the client is told where no target may be tried."""
    if seen.end is not None and not isinstance(seen.end, _Looked):
        return upstream(seen.end)
    reason = next((reason for one in told.values() for reason in one.reasons), Reason("no_route", "The model has no route."))
    return ApiError(400, reason.code, reason.text)
