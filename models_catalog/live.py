"""Which catalog is in force? One attribute, swapped whole; a request reads it once."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic

from models_catalog.snapshot import CatalogSnapshot

STALE_S = 2.0


class LiveCatalog:
    """Holds the current snapshot. `loaded` turns true with the first compiled one; `asked` is the moment (monotonic
    seconds) at which the database last said that there is no newer one, without end while nobody follows it. `swapped` is
    told of each new snapshot, in the thread that brings it."""

    __slots__ = ("_swapped", "asked", "current", "loaded")

    def __init__(self, swapped: Callable[[CatalogSnapshot], None] | None = None) -> None:
        self._swapped = swapped
        self.current = CatalogSnapshot()
        self.loaded = False
        self.asked = inf

    @property
    def stale(self) -> bool:
        """Whether the database cannot be asked, or does not answer, so that nobody knows whether there are newer rows."""
        return monotonic() - self.asked > STALE_S

    def swap(self, snapshot: CatalogSnapshot) -> None:
        """Puts a newer snapshot in force; an older one is ignored."""
        if not self.loaded or snapshot.version >= self.current.version:
            self.current = snapshot
            self.loaded = True
            if self._swapped is not None:
                self._swapped(snapshot)
