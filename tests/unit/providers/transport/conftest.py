"""Which transports, and which event loops, do the tests of this folder run with?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import uvloop

from providers.transport import Transport
from providers.transport.dial import tls_context
from providers.transport.httpx_transport import HttpxTransport
from providers.transport.slim import SlimTransport
from tests.unit.providers.transport.scripted import until

CONTEXT = tls_context()
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The tests of this folder run under both event loops."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """No task outlives the test, and no callback of the event loop fails."""
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    before = asyncio.all_tasks()
    yield
    await until(lambda: not asyncio.all_tasks() - before - {asyncio.current_task()})
    assert failures == []


@pytest.fixture(params=[SlimTransport, HttpxTransport], ids=["slim", "httpx"])
async def transport(request: pytest.FixtureRequest, no_leaks: None) -> AsyncIterator[Transport]:
    transport = request.param(context=CONTEXT)
    yield transport
    await transport.aclose()


@pytest.fixture
async def slim(no_leaks: None) -> AsyncIterator[SlimTransport]:
    transport = SlimTransport(context=CONTEXT)
    yield transport
    await transport.aclose()
    assert all(counters.active == counters.idle == 0 for counters in transport.counters().values())
