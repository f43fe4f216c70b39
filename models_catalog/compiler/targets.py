"""What does a route give its adapter? The configuration of one target."""

from __future__ import annotations

from types import MappingProxyType

from django.conf import settings

from models_catalog.compiler.upstreams import Upstream
from models_catalog.models import ModelDefinition, Route
from providers.types import TargetConfig, TargetTimeouts


def target_config(model: ModelDefinition, route: Route, upstream: Upstream) -> TargetConfig:
    """The configuration of the route's target, which its provider's type makes an adapter of."""
    return TargetConfig(
        id=str(route.pk),
        model=model.name,
        provider=upstream.row.name,
        provider_type=upstream.row.type,
        upstream_model=route.upstream_model or model.name,
        api_base=upstream.api_base,
        credential=upstream.credential,
        extra_headers=upstream.extra_headers,
        extra_body=upstream.extra_body,
        options=MappingProxyType(upstream.row.options),
        timeouts=timeouts_of(model),
    )


def timeouts_of(model: ModelDefinition) -> TargetTimeouts:
    """The model's own, else the settings', else the defaults of whole answers and of streams."""
    return TargetTimeouts.of(
        connect=model.connect_timeout_s or settings.GATEWAY_CONNECT_TIMEOUT_S,
        first_byte=model.first_byte_timeout_s or settings.GATEWAY_FIRST_BYTE_TIMEOUT_S,
        idle=model.idle_timeout_s or settings.GATEWAY_IDLE_TIMEOUT_S,
        total=model.total_timeout_s or settings.GATEWAY_TOTAL_TIMEOUT_S,
    )
