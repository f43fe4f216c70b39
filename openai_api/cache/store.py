"""What must something do to keep answers? Little: whatever goes wrong there is a miss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from openai_api.cache.entry import Entry


class Store(Protocol):
    """Keeps entries by their keys. Never fails; what it awaits is bounded. `bytes` are those that it holds in this process,
    `evictions` the entries that had to go for others, `failures` how often it could not be asked."""

    @property
    def bytes(self) -> int: ...

    @property
    def evictions(self) -> int: ...

    @property
    def failures(self) -> int: ...

    def __len__(self) -> int:
        """The entries that it holds in this process."""
        ...

    async def get(self, keys: Sequence[str]) -> Sequence[Entry | None]:
        """What it has of each key."""
        ...

    def put(self, key: str, entry: Entry, seconds: float) -> None:
        """Keeps the entry for so long, if it can. Does not wait."""
        ...

    def forget(self, purged: Callable[[Entry], bool]) -> int:
        """Drops those in this process that are purged, and says how many there were."""
        ...

    async def stop(self) -> None:
        """Ends what it does by itself."""
        ...
