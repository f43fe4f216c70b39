"""Which entries has Redis taken down? Those of a stream, which one worker at a time reads, and deletes once the table has them.

{limits}…:notes          the stream; each message is some entries of one request
{limits}…:notes:reader   the worker that reads, for some seconds
{limits}…:notes:mark     what the reader has left there: another mark, or none, is another Redis, or an older copy of it
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

import msgspec
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from openai_api.limits.journal import Entry, decoded
from openai_api.limits.redis_store import NOTES

READ = 1000
"""Messages that are read at once."""
READER_MS = 3000
"""How long a reader that is not heard of stays the reader."""
ANSWER_S = 2.0
READER, MARK = f"{NOTES}:reader", f"{NOTES}:mark"
KEEP_READER = """
local reader = redis.call('GET', KEYS[1])
if reader and reader ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
log = logging.getLogger("gateway.budgets")


class RedisPages:
    """`Pages` of the Redis at that address."""

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S, "retry": Retry(NoBackoff(), 0)}
        self._redis = redis.asyncio.Redis.from_url(url, **options)
        self._me = token_hex(8)
        self._mark = ""

    async def read(self) -> tuple[Sequence[Entry], Sequence[bytes]]:
        try:
            if not await self._redis.eval(KEEP_READER, 1, READER, self._me, str(READER_MS)):
                self._mark = ""
                return (), ()
            messages: Any = await self._redis.xrange(NOTES, count=READ)
        except RedisError as error:
            self._mark = ""
            raise OSError(type(error).__name__) from error
        entries: list[Entry] = []
        for _, fields in messages:
            entries += _read(fields.get(b"notes", b""))
        return entries, [name for name, _ in messages]

    async def done(self, pages: Sequence[bytes]) -> None:
        try:
            await self._redis.xdel(NOTES, *pages)
        except RedisError as error:
            raise OSError(type(error).__name__) from error

    async def is_fresh(self) -> bool:
        """Only the reader is told so, each time with another mark."""
        try:
            if (await self._redis.get(READER)) != self._me.encode():
                return False
            known, self._mark = self._mark, token_hex(8)
            found = await self._redis.set(MARK, self._mark, get=True)
        except RedisError as error:
            self._mark = ""
            raise OSError(type(error).__name__) from error
        return not known or found != known.encode()

    async def stop(self) -> None:
        await self._redis.aclose()


def _read(notes: bytes) -> list[Entry]:
    try:
        return decoded(notes)
    except msgspec.DecodeError:  # nothing of ours
        log.error("entries of the ledger cannot be read: they are lost")
        return []
