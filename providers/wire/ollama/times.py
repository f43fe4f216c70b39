"""How does Ollama tell times? Points of time by RFC 3339 with nanoseconds, in UTC; durations as whole nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

NANOSECONDS = 10**9
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def stamp(seconds: float) -> str:
    """`2026-08-21T18:48:22.123456000Z`, of seconds since 1970."""
    whole, rest = divmod(round(seconds * 1e6), 10**6)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}000Z"


def seconds_of(text: object) -> int | None:
    """The whole seconds since 1970 of such a time; None for what is none."""
    match = _STAMP.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        return int(datetime.fromisoformat(match[1].upper() + match[2].upper()).timestamp())
    except (ValueError, OverflowError, OSError):
        return None


def nanoseconds(seconds: float) -> int:
    """A duration; never 0, since clients divide by it."""
    return max(int(seconds * NANOSECONDS), 1)
