"""How does a snapshot keep very many rows that are nearly those of the one before? In a shared mapping and what is over it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

AT_ONCE = 200
"""Rows after which the interpreter is given away."""
PAUSE_S = 0.0002
MOST_OVER = 2000
"""Changes over the shared mapping; with more of them another one is made."""
COPIED_AT_ONCE = 2000

Item = TypeVar("Item")
K = TypeVar("K")
V = TypeVar("V")


def in_slices(items: Iterable[Item], size: int = AT_ONCE) -> Iterator[Item]:
    """The same items, with pauses in which other threads run."""
    source = iter(items)
    while part := list(islice(source, size)):
        yield from part
        if len(part) == size:
            time.sleep(PAUSE_S)


class Layers(Mapping[K, V], Generic[K, V]):
    """Never changes. To copy 10⁵ items holds the interpreter for many milliseconds; only what is over them is copied."""

    __slots__ = ("_base", "_count", "_over")

    def __init__(self, base: dict[K, V], over: dict[K, V | None] | None = None, count: int | None = None) -> None:
        self._base = base
        self._over: dict[K, V | None] = {} if over is None else over
        self._count = len(base) if count is None else count

    def changed(self, changes: Mapping[K, V | None]) -> Layers[K, V]:
        """As this one, with other values, and without the keys whose value is None."""
        if not changes:
            return self
        over = {**self._over, **changes}
        count = self._count + sum((value is not None) - (key in self) for key, value in changes.items())
        layers = Layers(self._base, over, count)
        return layers if len(over) <= MOST_OVER else Layers(dict(in_slices(layers.items(), COPIED_AT_ONCE)))

    def get(self, key: K, default: V | None = None) -> V | None:  # type: ignore[override]
        found = self._over[key] if key in self._over else self._base.get(key)
        return default if found is None else found

    def __getitem__(self, key: K) -> V:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return self._over[key] is not None if key in self._over else key in self._base

    def __iter__(self) -> Iterator[K]:
        over = self._over
        yield from (key for key in self._base if key not in over)
        yield from (key for key, value in over.items() if value is not None)

    def __len__(self) -> int:
        return self._count
