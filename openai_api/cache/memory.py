"""How are entries kept in a process? In the order of their use, within a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from time import time

from openai_api.cache.entry import Entry


class Memory:
    """A `Store` of at most `most_bytes`; what has not been used for longest goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._entries: OrderedDict[str, tuple[float, Entry]] = OrderedDict()
        self.bytes = 0
        self.evictions = 0
        self.failures = 0

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, keys: Sequence[str]) -> Sequence[Entry | None]:
        return [self._get(key) for key in keys]

    def put(self, key: str, entry: Entry, seconds: float) -> None:
        size = entry.size()
        if size > self._most:
            return
        self._drop(key)
        self._entries[key] = (time() + seconds, entry)
        self.bytes += size
        while self.bytes > self._most:
            self._drop(next(iter(self._entries)))
            self.evictions += 1

    def forget(self, purged: Callable[[Entry], bool]) -> int:
        gone = [key for key, (_, entry) in self._entries.items() if purged(entry)]
        for key in gone:
            self._drop(key)
        return len(gone)

    async def stop(self) -> None:
        self._entries.clear()
        self.bytes = 0

    def _get(self, key: str) -> Entry | None:
        found = self._entries.get(key)
        if found is None:
            return None
        until, entry = found
        if until <= time():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    def _drop(self, key: str) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self.bytes -= found[1].size()
