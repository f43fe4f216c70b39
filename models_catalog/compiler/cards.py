"""What does `/v1/models` say of a model?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from models_catalog.models import ModelDefinition
from models_catalog.models.columns import columns_of, put
from providers.capabilities import Capability


class Card:
    """What a model's object in `/v1/models` says, but for its name and its capabilities."""

    def __init__(self, row: ModelDefinition) -> None:
        self._created = int(row.created_at.timestamp())
        self._more: dict[str, object] = {}
        for column in columns_of(ModelDefinition):
            value = getattr(row, column.name)
            if column.card and value not in (None, "", {}):
                put(self._more, column.card, column.kind.as_json(value))
        if isinstance(prices := self._more.get("pricing"), dict):
            self._more["pricing"] = {"currency": "USD", **prices}

    def of(self, name: str, capabilities: Iterable[Capability]) -> bytes:
        """The object as JSON."""
        head = {"id": name, "object": "model", "created": self._created, "owned_by": "signalbox"}
        return msgspec.json.encode({**head, "capabilities": list(capabilities), **self._more})
