"""What can a route do? As its provider's type says, whether or not the provider can be reached just now."""

from __future__ import annotations

from models_catalog.models import ModelDefinition, Route
from providers.capabilities import Capability
from providers.registry import UnknownProviderType, provider_type


def is_on(route: Route) -> bool:
    return route.enabled and route.provider.enabled


def served_by(route: Route, model: ModelDefinition) -> tuple[Capability, ...]:
    """Those of the model's capabilities that its route can serve, in the order of the enum."""
    try:
        able = provider_type(route.provider.type).capabilities_of(route.upstream_model)
    except UnknownProviderType:
        return ()
    return tuple(capability for capability in Capability if capability in able and capability in model.capabilities)


def unserved(model: ModelDefinition) -> frozenset[str]:
    """The model's capabilities that no route which is switched on can serve."""
    served = {capability for route in model.routes.all() if is_on(route) for capability in served_by(route, model)}
    return frozenset(model.capabilities) - served
