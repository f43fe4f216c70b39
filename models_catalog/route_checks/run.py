"""How does each planned call end? Called directly at its target: no retry, no fallback, no circuit breaker, no record."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

from django.conf import settings

from models_catalog.models import RouteCheck
from models_catalog.route_checks.calls import LIMITS, smallest_call, unlimited
from models_catalog.route_checks.plan import Planned
from providers.capabilities import Capability
from providers.convert.calling import ask
from providers.errors import CallerError, EmptyStream, ProviderError
from providers.masking import mask_of
from providers.transport import Transport
from providers.transport.build import build_transport
from providers.types import Reply, Target

AT_ONCE = 4
CALL_S = 30.0
TOTAL_S = 120.0
MOST_CHARACTERS = 300
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

OK, FAILED, SKIPPED = RouteCheck.Outcome.OK, RouteCheck.Outcome.FAILED, RouteCheck.Outcome.SKIPPED
TOO_LATE = "not_called"


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended; `latency_ms` is None if none was made, `status` if the upstream said none."""

    planned: Planned
    outcome: RouteCheck.Outcome
    latency_ms: int | None = None
    code: str = ""
    message: str = ""
    status: int | None = None


class Failure(NamedTuple):
    """Why a call failed; `status` is what the upstream said. An empty code means that it has not."""

    code: str = ""
    message: str = ""
    status: int | None = None


def run_in_thread(planned: Sequence[Planned], total_s: float = TOTAL_S) -> list[Result]:
    """As `run`, in a thread with an event loop of its own: for callers that may have one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run(planned, total_s))).result()


async def run(planned: Sequence[Planned], total_s: float = TOTAL_S) -> list[Result]:
    """The results in the order of the plan; `AT_ONCE` calls at a time, each `CALL_S` at most, all within `total_s`."""
    turns = asyncio.Semaphore(AT_ONCE)
    transport = build_transport(
        settings.GATEWAY_TRANSPORT, settings.GATEWAY_UPSTREAM_PROXY, settings.GATEWAY_PRIVATE_UPSTREAMS, settings.NO_PROXY
    )
    deadline = perf_counter() + total_s

    async def in_turn(one: Planned) -> Result:
        async with turns:
            return await _result(one, transport, min(CALL_S, deadline - perf_counter()))

    try:
        return await asyncio.gather(*map(in_turn, planned))
    finally:
        await transport.aclose()


async def _result(planned: Planned, transport: Transport, seconds: float) -> Result:
    target = planned.target
    if target is None:
        return Result(planned, FAILED, code="out_of_service", message=planned.why[:MOST_CHARACTERS])
    if target.adapter.config.credential.dynamic is not None:
        return Result(planned, SKIPPED, code="needs_callers_key", message="It needs the caller's key.")
    if seconds <= 0:
        return Result(planned, SKIPPED, code=TOO_LATE, message="Not called: the time limit for all calls was reached.")
    started = perf_counter()
    failure = await failure_of(lambda: _ask(target, planned.capability, transport), seconds)
    latency_ms = round((perf_counter() - started) * 1000)
    mask = mask_of(target.adapter.config, {})
    outcome = FAILED if failure.code else OK
    return Result(planned, outcome, latency_ms, mask(failure.code), in_one_line(mask(failure.message)), failure.status)


async def failure_of(work: Callable[[], Awaitable[object]], seconds: float) -> Failure:
    """How the work fails; what the texts say is not masked yet."""
    try:
        async with asyncio.timeout(seconds):
            await work()
    except TimeoutError:
        return Failure("test_timeout", f"No answer within {seconds:.2g} seconds.")
    except CallerError as error:
        return Failure(error.upstream_code or f"status_{error.upstream_status}", error.message, error.upstream_status)
    except ProviderError as error:
        return Failure(error.code, f"{error.public_message} {error.detail}", error.upstream_status)
    except Exception as error:  # noqa: BLE001 - a defect of an adapter is an outcome, too
        return Failure("internal_error", f"The gateway failed: {type(error).__name__}.")
    return Failure()


async def _ask(target: Target, capability: Capability, transport: Transport) -> None:
    call = smallest_call(capability, target.model)
    try:
        answer = await ask(target, call, transport)
    except CallerError as error:
        if not any(name in f"{error.param} {error.message}" for name in LIMITS):
            raise
        answer = await ask(target, unlimited(call), transport)
    if isinstance(answer, Reply):
        return
    try:
        if not await answer.next():
            raise EmptyStream
    finally:
        answer.close()


def in_one_line(message: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", message).split())[:MOST_CHARACTERS]
