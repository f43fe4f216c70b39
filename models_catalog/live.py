"""Which catalog is in force? One attribute, swapped whole; a request reads it once."""

from __future__ import annotations

from models_catalog.snapshot import CatalogSnapshot


class LiveCatalog:
    """Holds the current snapshot. `loaded` turns true with the first compiled one; `stale` is true while the database
    cannot be asked, so that nobody knows whether there are newer rows."""

    __slots__ = ("current", "loaded", "stale")

    def __init__(self) -> None:
        self.current = CatalogSnapshot()
        self.loaded = False
        self.stale = False

    def swap(self, snapshot: CatalogSnapshot) -> None:
        """Puts a newer snapshot in force; an older one is ignored."""
        if not self.loaded or snapshot.version >= self.current.version:
            self.current = snapshot
            self.loaded = True
