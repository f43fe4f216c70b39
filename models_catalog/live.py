"""Which catalog is in force? One attribute, swapped whole; a request reads it once."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic

from models_catalog.snapshot import CatalogSnapshot

STALE_S = 2.0
_followed: list[LiveCatalog] = []
"""The catalog that this process follows, for its pages."""


def tell_live(live: LiveCatalog) -> None:
    """From now on the pages of this process may ask this one."""
    _followed[:] = [live]


def forget_live(live: LiveCatalog) -> None:
    """Undoes `tell_live`."""
    if live in _followed:
        _followed.remove(live)


def in_force(version: int) -> CatalogSnapshot | None:
    """What this process serves, if that is exactly the catalog of this version."""
    current = next((live.current for live in _followed if live.loaded), None)
    return current if current is not None and current.version == version else None


class LiveCatalog:
    """Holds the current snapshot. `loaded` turns true with the first compiled one; `asked` is the moment (monotonic
    seconds) at which the database last said that there is no newer one, without end while nobody follows it. `swapped` is
    told of each new snapshot before it is in force, in the thread that brings it, and `in_force` is called there afterwards."""

    __slots__ = ("_swapped", "asked", "current", "in_force", "loaded")

    def __init__(self, swapped: Callable[[CatalogSnapshot], None] | None = None) -> None:
        self._swapped = swapped
        self.in_force: Callable[[], object] | None = None
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
            if self._swapped is not None:
                self._swapped(snapshot)
            self.current = snapshot
            self.loaded = True
            if self.in_force is not None:
                self.in_force()
