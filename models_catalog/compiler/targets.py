"""What does a route give its adapter? The configuration of one target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType

from django.conf import settings

from models_catalog.compiler.upstreams import Share, Upstream
from models_catalog.models import ModelDefinition, Route
from models_catalog.snapshot import Strategy
from models_catalog.target_ids import target_id
from providers.types import Sharing, TargetConfig, TargetTimeouts

ONE_EACH: Mapping[int, int] = MappingProxyType({})


def target_configs(model: ModelDefinition, route: Route, upstream: Upstream, group: int | None) -> tuple[TargetConfig, ...]:
    """The configurations of the route's targets, which its provider's type makes adapters of: one for each credential of the
    provider, each with its part of the route's weight. `group` is that of the routes that it shares with."""
    return tuple(_target_config(model, route, upstream, share, group) for share in upstream.shares)


def _target_config(model: ModelDefinition, route: Route, upstream: Upstream, share: Share, group: int | None) -> TargetConfig:
    return TargetConfig(
        id=target_id(route.pk, share.row),
        model=model.name,
        provider=upstream.row.name,
        provider_type=upstream.row.type,
        upstream_model=route.upstream_model or model.name,
        api_base=upstream.api_base,
        credential=share.credential,
        extra_headers=upstream.extra_headers,
        extra_body=upstream.extra_body,
        options=MappingProxyType(upstream.row.options),
        timeouts=timeouts_of(model),
        sharing=Sharing(group, route.weight * share.part, route.rpm, route.tpm, route.max_concurrent),
    )


def listing_config(upstream: Upstream) -> TargetConfig:
    """What an adapter is told that asks for a list of models, with the first credential."""
    return TargetConfig(
        id="list",
        provider=upstream.row.name,
        provider_type=upstream.row.type,
        upstream_model="models",
        api_base=upstream.api_base,
        credential=upstream.shares[0].credential,
        extra_headers=upstream.extra_headers,
        options=MappingProxyType(upstream.row.options),
    )


def groups_of(model: ModelDefinition, routes: Sequence[Route], targets: Mapping[int, int] = ONE_EACH) -> Mapping[int, int]:
    """The number of the group of each route that shares, by the route's key. `routes` are all of the model's, in order: one that
    is switched off still keeps those apart that do not share. `targets` says how many targets a route has where it is not one:
    those of a route share among themselves.

    By weight all routes of a model share; in order, those that say so; else those that say so, or all if none does.
    """
    marked = any(route.shares for route in routes[1:])
    if model.strategy == Strategy.WEIGHTED or (model.strategy != Strategy.ORDERED and not marked):
        return dict.fromkeys((route.pk for route in routes), 0)
    numbers = list(accumulate(int(not route.shares) for route in routes))
    sizes = Counter(numbers)
    for route, number in zip(routes, numbers, strict=True):
        sizes[number] += targets.get(route.pk, 1) - 1
    return {route.pk: number for route, number in zip(routes, numbers, strict=True) if sizes[number] > 1}


def timeouts_of(model: ModelDefinition) -> TargetTimeouts:
    """The model's own, else the settings', else the defaults of whole answers and of streams."""
    return TargetTimeouts.of(
        connect=model.connect_timeout_s or settings.GATEWAY_CONNECT_TIMEOUT_S,
        first_byte=model.first_byte_timeout_s or settings.GATEWAY_FIRST_BYTE_TIMEOUT_S,
        idle=model.idle_timeout_s or settings.GATEWAY_IDLE_TIMEOUT_S,
        total=model.total_timeout_s or settings.GATEWAY_TOTAL_TIMEOUT_S,
    )
