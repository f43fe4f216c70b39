"""What are the keys of a publication called in Redis, and how are they told of? A client key in such a name is a secret."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

ORIGIN = "redis"
"""How the origin of published rows begins."""
SHARED = "published_model_info"
HASHED_WITH = "bud-"
"""What stands before a client key where its hash is taken for the name of a Redis key."""


class Kind(StrEnum):
    """What a Redis key holds, as its name begins."""

    MODELS = "model_table:"
    KEYS = "api_key:"
    SHARED = SHARED


PATTERNS = (f"{Kind.MODELS}*", f"{Kind.KEYS}*", SHARED)
"""What is looked for in Redis: models before the keys that may use them."""


_KEYS, _MODELS, _SHARED = (kind.encode() for kind in (Kind.KEYS, Kind.MODELS, Kind.SHARED))


def kind_of(name: bytes) -> Kind | None:
    """What the Redis key of that name holds; None for what is none of ours."""
    if name.startswith(_KEYS):
        return Kind.KEYS
    if name.startswith(_MODELS):
        return Kind.MODELS
    return Kind.SHARED if name == _SHARED else None


def origin_of(name: bytes) -> str:
    """What rows of that Redis key have as their origin. It does not tell the name, which may hold a client key."""
    return f"{ORIGIN}:{sha256(name).hexdigest()[:16]}"


def shown(name: bytes) -> str:
    """The name as it may be told: what follows `api_key:` is replaced by the beginning of the whole name's SHA-256."""
    if kind_of(name) is Kind.KEYS:
        return f"{Kind.KEYS}#{sha256(name).hexdigest()[:16]}"
    text = name.decode(errors="backslashreplace")
    return text if text.isprintable() and len(text) <= 120 else repr(text[:120])
