"""How do all workers, on all machines, share answers? Redis keeps them, and forgets them when they are old or it is full.

    signalbox:cache:TENANT:KEY:MODEL:HEX      an entry (MessagePack)

The first three are short hashes of names, by which purges find what they are for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from models_catalog.cache_names import PREFIX
from openai_api.cache.entry import Entry
from openai_api.redis_link.link import ANSWER_S, RedisLink

MOST_WRITES = 256
"""Writes that may be under way; what comes beyond them is not kept."""
WRITE_S = 2.0
"""How long a write may take. Nobody waits for it; the connection is one of its own, so that no read waits behind it."""
_decode = msgspec.msgpack.Decoder(Entry).decode
_encode = msgspec.msgpack.Encoder().encode


class RedisStore:
    """A `Store` at the Redis server of that address, for which a request waits `answer_s` at most, and not while it is away."""

    def __init__(self, url: str, answer_s: float = ANSWER_S) -> None:
        told = "cached answers cannot be reached: redis is away", "cached answers can be reached again"
        self._link = RedisLink(url, (), answer_s, *told)
        self._writes = RedisLink(url, (), WRITE_S, "answers are not cached: redis is away", "answers are cached again")
        self._writing: set[asyncio.Task[None]] = set()
        self._unread = 0
        self.bytes = 0
        self.evictions = 0

    def __len__(self) -> int:
        return 0

    @property
    def failures(self) -> int:
        return self._link.failures + self._writes.failures + self._unread

    async def get(self, keys: Sequence[str]) -> Sequence[Entry | None]:
        nothing: list[Entry | None] = [None] * len(keys)
        said = await self._link.command("MGET", *map(_name, keys)) if keys else None
        if not isinstance(said, list) or len(said) != len(keys):
            return nothing
        return [self._read(data) for data in said]

    def put(self, key: str, entry: Entry, seconds: float) -> None:
        if len(self._writing) >= MOST_WRITES:
            return
        task = asyncio.get_running_loop().create_task(self._put(key, entry, seconds), name="cache-redis-write")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def forget(self, purged: Callable[[Entry], bool]) -> int:
        return 0  # whoever purges deletes them there (`purge.py`)

    async def stop(self) -> None:
        await asyncio.gather(*self._writing, return_exceptions=True)
        await self._link.stop()
        await self._writes.stop()

    async def _put(self, key: str, entry: Entry, seconds: float) -> None:
        await self._writes.command("SET", _name(key), _encode(entry), "EX", str(max(1, int(seconds))))

    def _read(self, data: bytes | None) -> Entry | None:
        if data is None:
            return None
        try:
            return _decode(data)
        except msgspec.MsgspecError:
            self._unread += 1
            return None


def _name(key: str) -> str:
    return PREFIX + key
