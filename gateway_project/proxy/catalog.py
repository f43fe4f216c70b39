"""What does the catalog of a proxy hold? One row in memory: any model, at one upstream, in every format."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from models_catalog.snapshot import STAR, CatalogSnapshot, ModelEntry, RetryPolicy, Wildcard, Wildcards
from openai_api.proxy.upstream import Upstream
from providers.capabilities import Capability


def entry_of(upstream: Upstream) -> ModelEntry:
    """The model of any name. Nothing is tried twice: what the upstream says is what the client hears."""
    target = upstream.target()
    targets = {capability: (target,) for capability in Capability if capability in target.wires}
    retry = RetryPolicy(num_retries=0)
    return ModelEntry(STAR, frozenset(targets), MappingProxyType(targets), retry=retry, pattern=STAR)


def catalog_of(entry: ModelEntry) -> CatalogSnapshot:
    """The catalog with that one row."""
    return CatalogSnapshot(version=1, wildcards=Wildcards([Wildcard("", entry, lambda name: replace(entry, name=name))]))
