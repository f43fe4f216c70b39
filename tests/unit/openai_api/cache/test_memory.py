"""Does the memory of the cache stay within its bytes, whatever comes?"""

from __future__ import annotations

import asyncio
import random
import time

from openai_api.cache.entry import Entry
from openai_api.cache.memory import Memory

MOST = 256 * 1024


def entry(size: int, model: str = "m") -> Entry:
    return Entry(time.time(), model, "t", "k", "openai_chat", False, b"application/json", bytes(size))


def get(memory: Memory, key: str) -> Entry | None:
    return asyncio.run(memory.get([key]))[0]


def test_memory_when_much_is_kept_then_never_more_than_its_bytes() -> None:
    chosen, memory = random.Random(1), Memory(MOST)
    for number in range(5000):
        memory.put(str(chosen.randrange(900)), entry(chosen.randrange(4096)), 60)
        assert memory.bytes <= MOST, number
    assert memory.evictions > 0
    assert memory.bytes == sum(kept.size() for _, kept in memory._entries.values())


def test_memory_when_one_is_larger_than_all_then_not_kept() -> None:
    memory = Memory(MOST)
    memory.put("small", entry(10), 60)
    memory.put("large", entry(MOST), 60)
    assert get(memory, "large") is None
    assert get(memory, "small") is not None


def test_memory_when_full_then_what_was_used_last_stays() -> None:
    memory = Memory(MOST)
    size = MOST // 4 - 1024
    for key in "abcd":
        memory.put(key, entry(size), 60)
    assert get(memory, "a") is not None
    memory.put("e", entry(size), 60)
    assert [key for key in "abcde" if get(memory, key)] == ["a", "c", "d", "e"]


def test_memory_when_time_is_over_then_gone() -> None:
    memory = Memory(MOST)
    memory.put("a", entry(10), 0)
    assert get(memory, "a") is None
    assert memory.bytes == 0


def test_memory_when_purged_then_what_it_held_is_free() -> None:
    memory = Memory(MOST)
    memory.put("a", entry(10, "one"), 60)
    memory.put("b", entry(10, "two"), 60)
    assert memory.forget(lambda kept: kept.model == "one") == 1
    assert (get(memory, "a"), len(memory)) == (None, 1)
