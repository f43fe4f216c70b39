"""What does `/v1/models` say of a model?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from models_catalog.models import ModelDefinition
from models_catalog.snapshot import Prices
from providers.capabilities import Capability


def prices_of(row: ModelDefinition) -> Prices:
    """The prices of a model's row."""
    return Prices(*(None if price is None else float(price) for price in (row.input_price, row.output_price)))


class Card:
    """What a model's object in `/v1/models` says, but for its name and its capabilities."""

    def __init__(self, row: ModelDefinition) -> None:
        self._created = int(row.created_at.timestamp())
        prices = prices_of(row)
        known = {"input_per_million": prices.input_per_million, "output_per_million": prices.output_per_million}
        pricing = {name: price for name, price in known.items() if price is not None}
        self._more: dict[str, object] = {"pricing": {"currency": "USD", **pricing}} if pricing else {}
        if row.context_length:
            self._more["context_length"] = row.context_length
        if row.metadata:
            self._more["metadata"] = row.metadata

    def of(self, name: str, capabilities: Iterable[Capability]) -> bytes:
        """The object as JSON."""
        head = {"id": name, "object": "model", "created": self._created, "owned_by": "signalbox"}
        return msgspec.json.encode({**head, "capabilities": list(capabilities), **self._more})
