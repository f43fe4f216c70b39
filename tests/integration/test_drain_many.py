"""Do hundreds of streams end properly when the server is told to end, and does a log that nobody reads keep it from that?"""

from __future__ import annotations

import asyncio
import fcntl
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import SERVES_ON, LiveGateway, body
from tests.live_fixtures import StartGateway
from tests.live_operator import ROOT

DRAIN_S = 2.0
EXIT_WITHIN_S = DRAIN_S + 6.0
"""The drain and 2 seconds in peace."""
STREAMS = 200
FINISHING = "chaos/stream-paced-50ms-10"
ENDLESS = "chaos/stream-stall-after-3"


async def one_stream(client: httpx.AsyncClient, number: int) -> str:
    """The whole text of one stream."""
    model = FINISHING if number % 2 else ENDLESS
    headers = {"x-request-id": f"drained-{number}"}
    answer = await client.post("/v1/chat/completions", json=body(model, stream=True), headers=headers)
    assert answer.status_code == 200
    return answer.text


async def test_streams_when_the_server_ends_are_finished_or_told_and_each_has_its_row(
    chaos: Chaos, start_gateway: StartGateway
) -> None:
    gateway = await asyncio.to_thread(start_gateway, workers=2, GATEWAY_DRAIN_S=str(DRAIN_S))
    await asyncio.to_thread(gateway.define, FINISHING.removeprefix("chaos/"), ENDLESS.removeprefix("chaos/"))
    limits = httpx.Limits(max_connections=STREAMS)
    client = httpx.AsyncClient(base_url=gateway.base_url, headers=gateway.headers(), trust_env=False, timeout=30, limits=limits)
    async with client:
        streams = [asyncio.ensure_future(one_stream(client, number)) for number in range(STREAMS)]
        assert await asyncio.to_thread(eventually, lambda: len(chaos.log()) == STREAMS, 15, 0.05)
        signalled = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(eventually, lambda: refused(gateway), 2)
        assert refused(gateway)
        texts = await asyncio.gather(*streams)
    assert await asyncio.to_thread(gateway.process.wait, EXIT_WITHIN_S) == 0
    assert DRAIN_S - 0.1 < time.monotonic() - signalled < EXIT_WITHIN_S
    assert all(text.endswith("data: [DONE]\n\n") for text in texts)
    told = [number for number, text in enumerate(texts) if "server_draining" in text]
    assert told == list(range(0, STREAMS, 2))
    rows = await asyncio.to_thread(gateway.operator.rows, "openai_api.UsageRecord", {"request_id__startswith": "drained-"})
    assert sorted(row["request_id"] for row in rows) == sorted(f"drained-{number}" for number in range(STREAMS))
    assert {row["error"] for row in rows} == {None, "server_draining"}


def refused(gateway: LiveGateway) -> bool:
    """Whether new connections are refused."""
    try:
        httpx.get(f"{gateway.base_url}/livez", trust_env=False, timeout=5)
    except httpx.ConnectError:
        return True
    except httpx.TransportError:  # it had been accepted just before, and was closed
        return False
    return False


class Unread:
    """A gateway on the data of one that has ended, whose output nobody reads after its first line."""

    def __init__(self, gateway: LiveGateway) -> None:
        command = [sys.executable, "manage.py", "serve", "--host", "127.0.0.1", "--port", "0"]
        env = {**gateway.env, "GATEWAY_ACCESS_LOG": "on", "LOG_LEVEL": "info", "GATEWAY_DRAIN_S": "0.5"}
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        for pipe in (self.process.stdout, self.process.stderr):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
        found = SERVES_ON.search(self.process.stdout.readline().decode())
        assert found is not None
        self.client = httpx.Client(base_url=found[1], headers=gateway.headers(), trust_env=False, timeout=10)
        assert eventually(lambda: self.client.get("/readyz").status_code == 200, 30, 0.05)

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=10)


@pytest.fixture
def unread(start_gateway: StartGateway) -> Iterator[Unread]:
    gateway = start_gateway()
    gateway.define("ok")
    assert gateway.stop() == 0
    running = Unread(gateway)
    yield running
    running.close()


def test_requests_when_nobody_reads_the_log_are_served_and_the_server_ends_in_time(unread: Unread) -> None:
    padding = {"x-request-id": "long-" + "x" * 120}
    slowest = 0.0
    for _ in range(200):  # more than the pipes hold
        started = time.monotonic()
        assert unread.client.post("/v1/chat/completions", json=body("chaos/ok"), headers=padding).status_code == 200
        slowest = max(slowest, time.monotonic() - started)
        assert refused_by_parser(unread) == 400  # which the server's own log tells
    assert slowest < 3.0
    assert eventually(lambda: 'path="/v1/chat/completions"' in unread.client.get("/metrics").text, 2)
    unread.process.send_signal(signal.SIGTERM)
    assert unread.process.wait(8) == 0


def refused_by_parser(unread: Unread) -> int:
    """The status of a request that is not valid HTTP."""
    with socket.create_connection((unread.client.base_url.host, unread.client.base_url.port or 80), 5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost x\r\n\r\n")
        return int(connection.recv(100).split()[1])
