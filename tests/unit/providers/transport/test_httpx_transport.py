"""Does the second transport do what only it can: go through a proxy, and stay out of the way?"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest

from providers.errors import AdapterFailed, ConnectFailed, ConnectTimeout
from providers.transport.httpx_transport import HttpxTransport
from providers.transport.pool import PoolCounters
from providers.types import Secret, Timeouts
from tests.unit.providers.transport.conftest import CONTEXT
from tests.unit.providers.transport.scripted import (
    CHUNKED,
    OK,
    PATIENCE,
    Peer,
    ScriptedServer,
    answering,
    hanging,
    request_to,
    until,
)


async def test_fetch_through_a_proxy_asks_the_proxy_for_the_whole_address(no_leaks: None) -> None:
    async with ScriptedServer(answering(OK)) as proxy, ScriptedServer(answering(OK)) as server:
        transport = HttpxTransport(context=CONTEXT, proxy=Secret(f"http://127.0.0.1:{proxy.port}"))
        assert (await transport.fetch(request_to(server, path="/a/%2e%2e/b"))).body == b"ok"
        assert proxy.requests[0].startswith(b"POST http://127.0.0.1:%d/a/%%2e%%2e/b HTTP/1.1\r\n" % server.port)
        assert server.requests == []
        await transport.aclose()


async def test_fetch_over_tls_through_a_proxy_asks_for_a_tunnel_and_shows_it_no_header(no_leaks: None) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    async with ScriptedServer(refuse) as proxy:
        transport = HttpxTransport(context=CONTEXT, proxy=Secret(f"http://127.0.0.1:{proxy.port}"))
        request = request_to(proxy, scheme="https", host="api.example.test", headers=[(b"authorization", b"Bearer secret")])
        with pytest.raises(ConnectFailed):
            await transport.fetch(request)
        assert proxy.requests[0].startswith(b"CONNECT api.example.test:%d HTTP/1.1\r\n" % proxy.port)
        assert b"secret" not in proxy.requests[0]
        await transport.aclose()


async def test_path_that_httpx_would_change_is_refused(no_leaks: None) -> None:
    async with ScriptedServer(answering(OK)) as server:
        transport = HttpxTransport(context=CONTEXT)
        with pytest.raises(AdapterFailed):
            await transport.fetch(request_to(server, path="/v1/../files"))
        assert server.requests == []
        await transport.aclose()


async def test_fetch_through_a_proxy_that_opens_no_tunnel_in_time_raises_connect_timeout(no_leaks: None) -> None:
    async with ScriptedServer(hanging()) as proxy:
        transport = HttpxTransport(context=CONTEXT, proxy=Secret(f"http://127.0.0.1:{proxy.port}"))
        timeouts = Timeouts(0.1, PATIENCE, PATIENCE, PATIENCE)
        with pytest.raises(ConnectTimeout):
            await transport.fetch(request_to(proxy, scheme="https", host="api.example.test", timeouts=timeouts))
        await proxy.settled()
        await transport.aclose()


async def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch, no_leaks: None) -> None:
    async with ScriptedServer(answering(OK)) as proxy, ScriptedServer(answering(OK)) as server:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        transport = HttpxTransport(context=CONTEXT)
        await transport.fetch(request_to(server))
        await transport.aclose()
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


async def test_neither_address_nor_headers_are_logged(caplog: pytest.LogCaptureFixture, no_leaks: None) -> None:
    caplog.set_level(logging.DEBUG)
    async with ScriptedServer(answering(OK)) as server:
        transport = HttpxTransport(context=CONTEXT)
        await transport.fetch(request_to(server, path="/v1?key=hidden", headers=[(b"x-api-key", b"hidden")]))
        await transport.aclose()
    assert "hidden" not in caplog.text


async def test_counters_show_exchanges_under_way_and_connections_opened(no_leaks: None) -> None:
    transport = HttpxTransport(context=CONTEXT)
    async with ScriptedServer(answering(OK), hanging(b"HTTP/1.1 2"), hanging(CHUNKED)) as server:
        await transport.fetch(request_to(server))
        (origin,) = transport.counters()
        assert transport.counters()[origin] == PoolCounters(active=0, idle=0, opened=1, stale_retries=0)
        task = asyncio.ensure_future(transport.fetch(request_to(server)))
        await until(lambda: len(server.requests) == 2)
        task.cancel()
        stream = await transport.stream(request_to(server))
        await asyncio.gather(task, return_exceptions=True)
        assert transport.counters()[origin] == PoolCounters(active=1, idle=0, opened=3, stale_retries=0)
        stream.close()
        assert transport.counters()[origin].active == 0
        await transport.aclose()


def test_slim_transport_alone_does_not_load_httpx() -> None:
    code = "import sys, providers.transport.slim; sys.exit('httpx' in sys.modules or 'httpcore' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
