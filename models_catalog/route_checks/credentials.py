"""Does a credential work at its provider? By the smallest call of a route, or where none leads there by the list of models."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from time import perf_counter

from django.conf import settings

from models_catalog.abilities import served_by
from models_catalog.compiler.problems import Problems
from models_catalog.compiler.targets import listing_config, target_configs
from models_catalog.compiler.upstreams import Upstream, Upstreams
from models_catalog.models import Credential, Provider, Route
from models_catalog.route_checks.calls import COSTLY, FORM_CALLS, JSON_CALLS
from models_catalog.route_checks.plan import Planned
from models_catalog.route_checks.run import (
    CALL_S,
    FAILED,
    MOST_CHARACTERS,
    OK,
    SKIPPED,
    Failure,
    failure_of,
    in_one_line,
    run_in_thread,
)
from models_catalog.snapshot import STAR
from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.http_vendor import HttpVendor
from providers.masking import mask_of
from providers.offered import offered
from providers.transport.build import build_transport


@dataclass(frozen=True, slots=True)
class Tried:
    """How a credential did: `called` says what was called; `status` is what the upstream answered with, None if it did not, or
    if nothing went wrong. No text holds a secret."""

    outcome: str
    called: str = ""
    latency_ms: int | None = None
    status: int | None = None
    code: str = ""
    message: str = ""

    @property
    def good(self) -> bool:
        return self.outcome == OK

    @property
    def told(self) -> str:
        """In a sentence or two."""
        took = "" if self.latency_ms is None else f" in {self.latency_ms:,} ms"
        called = f" ({self.called})" if self.called else ""
        if self.good:
            return f"It works: an answer{took}{called}."
        status = f", status {self.status}" if self.status else ""
        word = "Not tested" if self.outcome == SKIPPED else "It failed"
        return f"{word}{took}{called}: {self.code}{status}. {self.message}".rstrip()


def try_credential(provider: Provider, credential: Credential | None) -> Tried:
    """Makes one call to the provider with that credential, whether or not it is one of the provider's. Nothing is stored."""
    row, problems = copy(provider), Problems()
    row.credential = credential
    rows = {} if credential is None else {credential.pk: credential}
    upstream = Upstreams(rows, {}, problems).of(row)
    if upstream is None:
        return Tried(FAILED, code="unusable", message=" ".join(problem.message for problem in problems.found)[:MOST_CHARACTERS])
    if upstream.shares[0].credential.dynamic is not None:
        return Tried(SKIPPED, code="needs_callers_key", message="Each request brings its own key: there is none to test.")
    try:
        return _by_route(upstream) or _by_list(upstream)
    except ConfigurationError as err:
        return Tried(FAILED, code="configuration", message=f"{err.field}: {err.message}"[:MOST_CHARACTERS])


def _by_route(upstream: Upstream) -> Tried | None:
    """By the first route that can be called; those of models that are switched on go first. None if there is none."""
    routes = Route.objects.filter(provider=upstream.row, enabled=True).exclude(model__name__endswith=STAR)
    for route in routes.select_related("model").order_by("-model__enabled", "model__name", "position")[:100]:
        route.provider = upstream.row
        capability = next(_callable(served_by(route, route.model)), None)
        if capability is not None:
            (config,) = target_configs(route.model, route, upstream, None)
            (result,) = run_in_thread([Planned(route.model, route, capability, upstream.kind.target(config))])
            called = f"{capability.value.replace('_', ' ')} of {route.model.name}"
            return Tried(result.outcome, called, result.latency_ms, result.status, result.code, result.message)
    return None


def _callable(able: Iterable[Capability]) -> Iterator[Capability]:
    return (one for one in able if one not in COSTLY and (one in JSON_CALLS or one in FORM_CALLS))


def _by_list(upstream: Upstream) -> Tried:
    config = listing_config(upstream)
    adapter = upstream.kind.build(config)
    if not isinstance(adapter, HttpVendor) or not adapter.listed_at:
        text = f"{upstream.kind.label} lists no models, and no route leads here: add a model with a route to it, then test."
        return Tried(SKIPPED, code="nothing_to_call", message=text)
    with ThreadPoolExecutor(1) as thread:
        failure, latency_ms = thread.submit(lambda: asyncio.run(_listed(adapter))).result()
    mask, outcome = mask_of(config, {}), FAILED if failure.code else OK
    return Tried(
        outcome, "its list of models", latency_ms, failure.status, mask(failure.code), in_one_line(mask(failure.message))
    )


async def _listed(adapter: HttpVendor) -> tuple[Failure, int]:
    transport = build_transport(
        settings.GATEWAY_TRANSPORT, settings.GATEWAY_UPSTREAM_PROXY, settings.GATEWAY_PRIVATE_UPSTREAMS, settings.NO_PROXY
    )
    started = perf_counter()
    try:
        failure = await failure_of(lambda: offered(adapter, transport), CALL_S)
    finally:
        await transport.aclose()
    return failure, round((perf_counter() - started) * 1000)
