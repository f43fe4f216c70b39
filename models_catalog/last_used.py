"""When were models last asked for? What the tables of requests know, which stand above this package; nothing where none do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

LastUsed = Callable[[Collection[str], Collection[str] | None], Mapping[str, datetime]]
"""The beginning of the last hour in which each of these models was asked for, by the tenants of these names, or by anybody."""

_sources: list[LastUsed] = []


def tell_last_used(source: LastUsed) -> None:
    """From now on this is asked."""
    _sources[:] = [source]


def last_used(models: Collection[str], tenants: Collection[str] | None = None) -> Mapping[str, datetime] | None:
    """By the names of those models that were asked for of late; None if nobody knows."""
    return _sources[0](models, tenants) if _sources and models else None
