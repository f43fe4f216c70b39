"""How long is the pause before the next try, and how long did the provider ask for, in a header or in words?"""

from __future__ import annotations

import math
import random
import re
import time
from email.utils import parsedate_to_datetime
from types import MappingProxyType

from providers.transport import Headers, find_header

BASE_S = 0.25
MIN_RETRY_AFTER_S = 1.0
MAX_RETRY_AFTER_S = 60.0
UNITS = MappingProxyType(
    {name: seconds for names, seconds in (
        ("ms millisecond milliseconds", 0.001), ("s sec secs second seconds", 1.0), ("m min mins minute minutes", 60.0),
        ("h hour hours", 3600.0),
    ) for name in names.split()}
)  # fmt: skip
"""Seconds in a unit, by its names."""
_SPAN = rf"(\d{{1,9}}(?:\.\d{{1,12}})?) ?({'|'.join(sorted(UNITS, key=len, reverse=True))})(?![a-z])"
_AGAIN = re.compile(rf"\b(?:again in|retry (?:in|after)|wait(?: for)?) (?:{_SPAN},? ?)+", re.IGNORECASE)
_spans = re.compile(_SPAN, re.IGNORECASE).findall


def backoff(number: int, max_delay_s: float) -> float:
    """Seconds before retry `number` (from 1): full jitter, so between 0 and the capped exponential step."""
    return random.uniform(0.0, min(BASE_S * 2 ** (number - 1), max_delay_s))  # noqa: S311


def retry_after_of(headers: Headers) -> float | None:
    """What `retry-after-ms` or `Retry-After` (seconds or HTTP date) asks for, within 1 to 60 seconds; None if unusable."""
    milliseconds = _number(find_header(headers, b"retry-after-ms"))
    if milliseconds is not None:
        return clamped(milliseconds / 1000)
    value = find_header(headers, b"retry-after")
    seconds = _number(value)
    if seconds is None and value is not None:
        seconds = _until(value)
    return None if seconds is None else clamped(seconds)


def _number(value: bytes | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(value: bytes) -> float | None:
    try:
        return parsedate_to_datetime(value.decode("latin-1")).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None


def seconds_in(message: str) -> float | None:
    """What an error's message asks for ("Please try again in 1m2.5s.", "Please retry after 20 seconds."), within 1 to 60
    seconds; None if it asks for nothing."""
    found = _AGAIN.search(message)
    if found is None:
        return None
    return clamped(sum(float(number) * UNITS[unit.lower()] for number, unit in _spans(found[0])))


def clamped(seconds: float) -> float:
    """The seconds within those that a target may ask for."""
    return min(max(seconds, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S)
