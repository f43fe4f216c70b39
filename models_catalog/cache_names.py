"""By which names are cached answers purged, and found in Redis? Plain values, which both sides know."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType

PREFIX = "signalbox:cache:"
"""What all keys of cached answers in Redis begin with; then come the marks of the tenant, the client key and the model."""
ALL = "all"
NO_PURGES: Mapping[str, int] = MappingProxyType({})


def of_model(name: str) -> str:
    """The name under which purges of a model, or of a pattern, are counted."""
    return f"model:{name}"


def of_tenant(tenant_id: str) -> str:
    """As `of_model`, for all client keys of a tenant."""
    return f"tenant:{tenant_id}"


def of_key(lineage: str) -> str:
    """As `of_model`, for a client key and those that have replaced it."""
    return f"key:{lineage}"


def mark(name: str) -> str:
    """A short hash."""
    return sha256(name.encode()).hexdigest()[:12]


def pattern(name: str) -> str:
    """Which keys in Redis a purge of that name finds."""
    kind, _, value = name.partition(":")
    marks = {"tenant": "{}:*", "key": "*:{}:*", "model": "*:*:{}:*"}
    return PREFIX + marks.get(kind, "*").format(mark(value))
