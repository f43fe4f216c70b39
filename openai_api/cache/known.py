"""Which keys have requests that come again byte for byte? They are remembered: making them takes longer than the rest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.cache.key import PASSING
from openai_api.cache.place import Place
from providers.types import Call, Target

MOST_KNOWN = 2048
Placed = tuple[bytes, Sequence[Place]]
Said = tuple[object, ...]


def as_said(call: Call, client: Client, targets: Sequence[tuple[ModelEntry, Target]]) -> Said:
    """What the keys of a request are made of, under one catalog, before anything is decoded."""
    owner = client.owner
    whose = owner.tenant_id, owner.tenant, client.lineage
    headers = tuple([header for header in call.headers if header[0] not in PASSING])
    what = call.wire, call.capability, call.model, call.stream, call.include_usage, call.strict, headers
    asked = tuple([(leg.name, target.id, target.upstream_model) for leg, target in targets])
    return blake2b(call.body, digest_size=32).digest(), whose, what, asked


class KnownPlaces:
    """The keys of the latest requests, under the latest catalog. Belongs to the event loop."""

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._catalog: CatalogSnapshot | None = None
        self._places: OrderedDict[Said, Placed] = OrderedDict()

    def get(self, catalog: CatalogSnapshot, said: Said | None) -> Placed | None:
        """The keys of the request, None if they are not known."""
        if said is None or catalog is not self._catalog:
            return None
        found = self._places.get(said)
        if found is not None:
            self._places.move_to_end(said)
        return found

    def put(self, catalog: CatalogSnapshot, said: Said | None, placed: Placed) -> None:
        """Remembers them, and none of another catalog's."""
        if catalog is not self._catalog:
            self._places.clear()
            self._catalog = catalog
        if said is not None:
            self._places[said] = placed
            if len(self._places) > self._most:
                self._places.popitem(last=False)
