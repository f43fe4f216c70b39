"""Which trace is a request part of? W3C Trace Context (level 1, with level 2's random flag), read strictly.

What is not exactly as it must be is as if it had not been sent: the request then begins a trace of its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
MEMBER = re.compile(
    r"(?:[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
MOST_MEMBERS = 32
LONGEST = 8192
"""Characters of both headers. A list of 32 members has more only if each is at its longest."""
SAMPLED, RANDOM = 1, 2
NO_TRACE, NO_SPAN = "0" * 32, "0" * 16
RANDOM_BITS = 56


class Parent(NamedTuple):
    """The client's span. `state` is its `tracestate`, "" where there is none that can be read."""

    trace: str
    span: str
    flags: int
    state: str

    @property
    def sampled(self) -> bool:
        return bool(self.flags & SAMPLED)


def parent_of(headers: Mapping[str, str]) -> Parent | None:
    """The parent that the headers name."""
    told = headers.get("traceparent", "")
    found = TRACEPARENT.fullmatch(told) if len(told) <= LONGEST else None
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace == NO_TRACE or span == NO_SPAN:
        return None
    return Parent(trace, span, int(flags, 16), state_of(headers.get("tracestate", "")))


def state_of(told: str) -> str:
    """The list as it came, "" if it is none: then the trace goes on without it."""
    members = [member.strip(" \t") for member in told.split(",")] if 0 < len(told) <= LONGEST else []
    named = [member for member in members if member]
    keys = {member.partition("=")[0] for member in named}
    good = 0 < len(named) <= MOST_MEMBERS and len(keys) == len(named) and all(map(MEMBER.fullmatch, named))
    return told if good else ""


def new_ids() -> tuple[str, str]:
    """A trace and a span."""
    drawn = os.urandom(24).hex()
    return drawn[:32], drawn[32:]


def in_ratio(trace: str, threshold: int) -> bool:
    """Whether a trace is one of those that are kept: the same for all who ask, by its last 56 bits, which are random."""
    return int(trace[-RANDOM_BITS // 4 :], 16) >= threshold


def threshold_of(ratio: float) -> int:
    """What `in_ratio` compares with, for a part of all traces from 0 to 1."""
    return round((1.0 - ratio) * (1 << RANDOM_BITS))


def traceparent(trace: str, span: str, flags: int) -> str:
    return f"00-{trace}-{span}-{flags:02x}"
