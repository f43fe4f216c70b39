"""Do running answers end with their key, whatever the clocks do?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from models_catalog.live import LiveCatalog
from models_catalog.snapshot import Client
from openai_api import revocation
from openai_api.revocation import Revocations
from tests.unit.openai_api.parts import snapshot

NOW = 1_800_000_000.0
CLIENT = Client("c9", "ending")


class Clock:
    """The time of day, which somebody may set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        start = time.monotonic()
        monkeypatch.setattr(revocation, "time", lambda: NOW + time.monotonic() - start + self.ahead)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(revocation, "LOOK_EVERY_S", 0.05)
    return Clock(monkeypatch)


def catalog(client: Client | None) -> LiveCatalog:
    live = LiveCatalog()
    live.swap(snapshot(clients={client.id: client} if client else {}))
    return live


async def ended(live: LiveCatalog, client: Client, revocations: Revocations, within_s: float = 0.5) -> int:
    """How often the answer was ended."""
    calls = SimpleNamespace(count=0)

    def end() -> None:
        calls.count += 1

    with revocations.watching(live, client, end):
        await asyncio.sleep(within_s)
    await asyncio.sleep(0.1)
    return int(calls.count)


async def test_answer_when_its_key_expires_is_ended_once(clock: Clock) -> None:
    key = replace(CLIENT, expires_at=NOW + 0.2)
    assert await ended(catalog(key), key, Revocations()) == 1


async def test_answer_when_the_timer_is_before_the_time_of_day_is_ended_all_the_same(clock: Clock) -> None:
    key = replace(CLIENT, expires_at=NOW + 0.2)
    clock.ahead = -0.1  # from here on: each timer that was set for the very moment comes too early
    assert await ended(catalog(key), key, Revocations()) == 1


@pytest.mark.parametrize(("ahead", "count"), [(3600.0, 1), (-3600.0, 0)])
async def test_answer_when_the_clock_is_set_follows_the_new_time(clock: Clock, ahead: float, count: int) -> None:
    key = replace(CLIENT, expires_at=NOW + 0.3)
    running = asyncio.create_task(ended(catalog(key), key, Revocations()))
    await asyncio.sleep(0.1)
    clock.ahead = ahead
    assert await running == count


@pytest.mark.parametrize(("expires", "count"), [(0.2, 1), (None, 0)])
async def test_answer_when_its_key_is_to_expire_at_another_time_ends_then(
    clock: Clock, expires: float | None, count: int
) -> None:
    key = replace(CLIENT, expires_at=NOW + 0.3)
    live, revocations = catalog(key), Revocations()
    running = asyncio.create_task(ended(live, key, revocations))
    await asyncio.sleep(0.1)
    live.swap(catalog(replace(key, expires_at=None if expires is None else NOW + expires)).current)
    revocations.look()
    assert await running == count


async def test_answer_when_its_key_is_gone_is_ended_at_the_next_look(clock: Clock) -> None:
    live, revocations = catalog(CLIENT), Revocations()
    running = asyncio.create_task(ended(live, CLIENT, revocations))
    await asyncio.sleep(0.05)
    live.swap(catalog(None).current)
    revocations.look_soon(asyncio.get_running_loop())
    assert await running == 1


async def test_answer_when_its_key_stays_is_not_ended(clock: Clock) -> None:
    assert await ended(catalog(CLIENT), CLIENT, Revocations(), 0.2) == 0
