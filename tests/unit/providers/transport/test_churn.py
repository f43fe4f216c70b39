"""Do cancelled, timed-out and closed requests leave nothing behind?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random

import pytest

from providers.errors import ConnectTimeout, FirstByteTimeout, ProviderError
from providers.transport.httpx_transport import HttpxTransport
from providers.transport.slim import SlimTransport
from providers.types import Timeouts
from tests.unit.providers.transport.conftest import CONTEXT
from tests.unit.providers.transport.scripted import (
    CHUNKED,
    OK,
    PATIENCE,
    Peer,
    ScriptedServer,
    answering,
    counters,
    request_to,
    until,
)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.mark.parametrize("kind", [SlimTransport, HttpxTransport])
async def test_thousands_of_cancelled_requests_leave_nothing_behind(
    kind: type[SlimTransport | HttpxTransport], no_leaks: None
) -> None:
    transport = kind(context=CONTEXT)
    chance = random.Random(7)
    wanted = 3000 if kind is SlimTransport else 300
    cancelled = 0

    async def script(peer: Peer) -> None:
        while True:
            await peer.answer(CHUNKED + b"2\r\nok\r\n")
            await asyncio.sleep(0.001)
            await peer.send(b"0\r\n\r\n")

    async def exchange(request_stream: bool) -> None:
        request = request_to(server)
        if not request_stream:
            await transport.fetch(request)
            return
        stream = await transport.stream(request)
        try:
            while await stream.next():
                pass
        finally:
            stream.close()

    async def churn() -> None:
        nonlocal cancelled
        while cancelled < wanted:
            task = asyncio.ensure_future(exchange(chance.random() < 0.5))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() * 0.004)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                cancelled += 1

    async with ScriptedServer(script) as server:
        await transport.fetch(request_to(server))
        before = descriptors()
        await asyncio.gather(*[churn() for _ in range(20)])
        for _ in range(20):
            assert (await transport.fetch(request_to(server))).body == b"ok"
        await until(lambda: counters(transport).active == 0)
        await transport.aclose()
        await until(lambda: descriptors() <= before)
        await server.settled()


async def test_requests_after_a_storm_of_timeouts_succeed(slim: SlimTransport) -> None:
    calm = False

    async def script(peer: Peer) -> None:
        await peer.request()
        if calm:
            await peer.send(OK)
        await peer.gone()

    async with ScriptedServer(script) as server:
        short = Timeouts(PATIENCE, 0.1, PATIENCE, PATIENCE)
        storm = [slim.fetch(request_to(server, timeouts=short)) for _ in range(50)]
        results = await asyncio.gather(*storm, return_exceptions=True)
        assert {type(result) for result in results} <= {FirstByteTimeout, ConnectTimeout}
        calm = True
        assert (await slim.fetch(request_to(server))).body == b"ok"
        await until(lambda: counters(slim).active == 0)
        assert counters(slim).idle == 1


async def test_closing_while_connections_are_opened_leaves_none(no_leaks: None) -> None:
    slim = SlimTransport(context=CONTEXT)
    async with ScriptedServer(answering(OK)) as server:
        tasks = [asyncio.ensure_future(slim.fetch(request_to(server))) for _ in range(5)]
        await asyncio.sleep(0)
        await slim.aclose()
        for task in tasks:
            with contextlib.suppress(ProviderError):
                await task
        await until(lambda: counters(slim).active == counters(slim).idle == 0)
        await server.settled()
