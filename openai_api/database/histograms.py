"""How are many times kept as few numbers? Counted by size, in buckets of fixed bounds, so that histograms are merged by adding.

A bucket is 1/4 of a doubling wide: 19 % from its lower to its upper bound. The first one holds all up to 10 µs, the last one all
above 3 hours. As JSON, a histogram is one list of places and counts, `[place, count, place, count, …]`, places in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, log2

import msgspec

Histogram = dict[int, int]
"""Counts by the place of their bucket."""
FIRST_MS = 0.01
PER_DOUBLING = 4
LAST = 120
_decoder = msgspec.json.Decoder(list[int])


def bucket_of(ms: float) -> int:
    """The place of the bucket of a time in milliseconds."""
    return 0 if ms <= FIRST_MS else min(ceil(log2(ms / FIRST_MS) * PER_DOUBLING), LAST)


def upper_ms(place: int) -> float:
    """The largest time of a bucket."""
    return float(FIRST_MS * 2 ** (place / PER_DOUBLING))


def merge(into: Histogram, other: Mapping[int, int]) -> None:
    for place, count in other.items():
        into[place] = into.get(place, 0) + count


def merged(texts: Iterable[str]) -> Histogram:
    """The sum of histograms as they are stored."""
    into: Histogram = {}
    for text in texts:
        merge(into, from_json(text))
    return into


def as_json(histogram: Mapping[int, int]) -> str:
    if not histogram:
        return "[]"
    return msgspec.json.encode([number for pair in _filled(histogram) for number in pair]).decode()


def from_json(text: str) -> Histogram:
    """Raises `msgspec.DecodeError` for what is no histogram."""
    numbers = iter(_decoder.decode(text))
    return dict(zip(numbers, numbers, strict=False))


def quantile(histogram: Mapping[int, int], part: float) -> float | None:
    """The time (ms) that `part` of all, between 0 and 1, do not exceed, interpolated in its bucket; None where there are none."""
    wanted, before = part * sum(histogram.values()), 0
    for place, count in _filled(histogram):
        if before + count >= wanted:
            lower = upper_ms(place - 1) if place else 0.0
            return lower + (upper_ms(place) - lower) * (wanted - before) / count
        before += count
    return None


def _filled(histogram: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    return ((place, count) for place, count in sorted(histogram.items()) if count > 0)
