"""How long is the pause before the next try, and how long did the provider ask for?"""

from __future__ import annotations

import math
import random
import time
from email.utils import parsedate_to_datetime

from providers.transport import Headers, find_header

BASE_S = 0.25
MIN_RETRY_AFTER_S = 1.0
MAX_RETRY_AFTER_S = 60.0


def backoff(number: int, max_delay_s: float) -> float:
    """Seconds before retry `number` (from 1): full jitter, so between 0 and the capped exponential step."""
    return random.uniform(0.0, min(BASE_S * 2 ** (number - 1), max_delay_s))  # noqa: S311


def retry_after_of(headers: Headers) -> float | None:
    """What `retry-after-ms` or `Retry-After` (seconds or HTTP date) asks for, within 1 to 60 seconds; None if unusable."""
    milliseconds = _number(find_header(headers, b"retry-after-ms"))
    if milliseconds is not None:
        return _clamped(milliseconds / 1000)
    value = find_header(headers, b"retry-after")
    seconds = _number(value)
    if seconds is None and value is not None:
        seconds = _until(value)
    return None if seconds is None else _clamped(seconds)


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


def _clamped(seconds: float) -> float:
    return min(max(seconds, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S)
