"""How are hints of catalog changes heard? From PostgreSQL's LISTEN or a Redis channel, again and again until cancelled.

A connection that is made, or made again, counts as a hint: something may have been missed. A silent one is asked for a
sign of life every 15 seconds.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import partial
from typing import Any

import psycopg
import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from models_catalog.publish import CHANNEL

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
ANSWER_S = 5.0
SILENCE_S = 15.0
DJANGO_ONLY = frozenset({"cursor_factory", "context", "prepare_threshold"})

log = structlog.stdlib.get_logger(__name__)

NextHint = Callable[[], Awaitable[object]]
Session = Callable[[], AbstractAsyncContextManager[NextHint]]
Listener = Callable[[Callable[[], object]], Coroutine[Any, Any, None]]
"""Calls its argument at every hint; returns only by being cancelled."""


def postgres_listener(parameters: Mapping[str, Any]) -> Listener:
    """Listens on a connection of its own, made with Django's connection parameters."""
    own = {name: value for name, value in parameters.items() if name not in DJANGO_ONLY}
    return partial(_listen, "postgresql", partial(_postgres_session, own))


def redis_listener(url: str) -> Listener:
    """Listens to the catalog's channel of a Redis server."""
    return partial(_listen, "redis", partial(_redis_session, url))


async def _listen(source: str, session: Session, wake: Callable[[], object]) -> None:
    """One session after the other, with growing pauses between those that cannot be opened."""
    pause = FIRST_PAUSE_S
    failing = False
    while True:
        try:
            async with session() as next_hint:
                if failing:
                    log.info("catalog hints recovered", source=source)
                failing, pause = False, FIRST_PAUSE_S
                while True:
                    wake()
                    await next_hint()
        except Exception as err:  # noqa: BLE001  hints are a convenience: polling goes on without them
            if not failing:
                log.warning("catalog hints failed", source=source, error=type(err).__name__)
            failing = True
        await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311  jitter, not a secret
        pause = min(2 * pause, LONGEST_PAUSE_S)


@asynccontextmanager
async def _postgres_session(parameters: Mapping[str, Any]) -> AsyncIterator[NextHint]:
    async with asyncio.timeout(ANSWER_S):
        connection = await psycopg.AsyncConnection.connect(**{**parameters, "autocommit": True})
    try:
        async with asyncio.timeout(ANSWER_S):
            await connection.execute(f"LISTEN {CHANNEL}")
        yield partial(_next_notification, connection)
    finally:
        await connection.close()


async def _next_notification(connection: psycopg.AsyncConnection[Any]) -> None:
    while True:
        async with aclosing(connection.notifies(timeout=SILENCE_S, stop_after=1)) as notifications:
            async for _ in notifications:
                return
        async with asyncio.timeout(ANSWER_S):
            await connection.execute("SELECT 1")


@asynccontextmanager
async def _redis_session(url: str) -> AsyncIterator[NextHint]:
    client = redis.asyncio.Redis.from_url(
        url, socket_connect_timeout=ANSWER_S, socket_timeout=ANSWER_S, retry=Retry(NoBackoff(), 0)
    )
    async with client, client.pubsub() as subscription:
        await subscription.subscribe(CHANNEL)
        yield partial(_next_message, subscription)


async def _next_message(subscription: redis.asyncio.client.PubSub) -> None:
    while await subscription.get_message(ignore_subscribe_messages=True, timeout=SILENCE_S) is None:
        await subscription.ping()
        async with asyncio.timeout(ANSWER_S):
            while await subscription.get_message(timeout=ANSWER_S) is None:
                pass
