"""Which entry serves one name of a pattern? Targets are made when a name is first asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import MappingProxyType

from models_catalog.compiler.cards import Card
from models_catalog.snapshot import ModelEntry, with_rest
from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.registry import ProviderType
from providers.types import TargetConfig


def one_of_many(
    pattern: ModelEntry, card: Card, routes: Sequence[tuple[ProviderType, TargetConfig]], name: str
) -> ModelEntry | None:
    """The entry of one name that a pattern stands for; None if no route can serve it."""
    rest = name.removeprefix(pattern.name[:-1])
    built = []
    for kind, config in routes:
        upstream_model = with_rest(config.upstream_model, rest)
        if not upstream_model:
            continue
        try:
            target = kind.target(dataclasses.replace(config, model=name, upstream_model=upstream_model))
        except ConfigurationError:
            continue
        built.append((target, kind.capabilities_of(upstream_model)))
    targets = {
        capability: able
        for capability in pattern.capabilities
        if (able := tuple(target for target, capabilities in built if capability in capabilities))
    }
    if not targets:
        return None
    return dataclasses.replace(
        pattern,
        name=name,
        pattern=pattern.name,
        capabilities=frozenset(targets),
        targets=MappingProxyType(targets),
        card=card.of(name, [capability for capability in Capability if capability in targets]),
    )
