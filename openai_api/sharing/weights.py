"""In which order do targets come by their weights? At random, or for a key the same in every process.

Both are one draw: each target gets a number between 0 and 1, and the order is that of -log(number) / weight (Efraimidis and
Spirakis). Numbers that are made of a key make it weighted rendezvous hashing: workers agree without talking, and when a target
comes or goes, only its own part of the keys moves.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from math import log

from models_catalog.route_groups import Group
from providers.types import Target

_WORD = 2**64 - 1
_ODD, _PRIME = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The multipliers of splitmix64."""
_STEP = 1.0 / 2**53
MOST_KNOWN = 4096
"""Orders of keys that are remembered: a session asks again and again."""


def seed_of(key: bytes) -> int:
    """64 bits that stand for a key, the same in every process."""
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "little")


def at_random(group: Group) -> Iterator[Target]:
    """The targets of a group, each first as often as its weight says. The rest is drawn only if it is asked for."""
    targets, sums = group.targets, group.sums
    first = min(bisect_right(sums, random.random() * sums[-1]), len(sums) - 1)  # noqa: S311
    yield targets[first]
    others = [(-log(1.0 - random.random()) / weight, place) for place, weight in enumerate(group.weights)]  # noqa: S311
    for _, place in sorted(others):
        if place != first:
            yield targets[place]
    yield from targets[len(sums) :]


def by_seed(group: Group, seed: int) -> list[Target]:
    """The targets of a group in the order that the seed gives them: over many seeds each is first as often as its weight says."""
    targets, places = group.targets, _places(group.salts, group.weights, seed)
    return [targets[place] for place in places] + list(targets[len(places) :])


@lru_cache(maxsize=MOST_KNOWN)
def _places(salts: tuple[int, ...], weights: tuple[float, ...], seed: int) -> tuple[int, ...]:
    ranks = []
    for place, (salt, weight) in enumerate(zip(salts, weights, strict=True)):
        mixed = ((seed ^ salt) * _ODD) & _WORD
        mixed = ((mixed ^ (mixed >> 27)) * _PRIME) & _WORD
        ranks.append((-log(((mixed ^ (mixed >> 31)) >> 11) * _STEP + _STEP) / weight, place))
    ranks.sort()
    return tuple(place for _, place in ranks)
