"""How are times and amounts written on the pages of sessions?"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal


def duration(ms: float) -> str:
    """`840 ms`, `1.42 s`, `2:03 min`, `1:02:03 h`."""
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02} h"


def offset(since: timedelta) -> str:
    """A place in a session: `+0.25`, `+1:05.3`, `+3:00:01`."""
    seconds = max(since.total_seconds(), 0.0)
    if seconds < 60:
        return f"+{seconds:.2f}"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"+{int(minutes)}:{rest:04.1f}"
    return f"+{int(minutes) // 60}:{int(minutes) % 60:02}:{int(rest):02}"


def number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def usd(value: Decimal) -> str:
    """Without zeros at the end."""
    return f"{value.normalize():f}"
