"""Does a client that leaves take its upstream request with it, at once and whatever the request was doing?"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body
from tests.stopwatch import Stopwatch

BOUND_S = 0.25
"""How soon after the client has gone its upstream connection must be closed; 50 ms in peace, more on a busy machine."""


def fin(sock: socket.socket) -> None:
    sock.close()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


LEAVING = [fin, reset]
PHASES = {
    "waiting for the head": ("hang", False, b""),
    "waiting for the body": ("half-then-hang", False, b""),
    "stream: waiting for the head": ("hang", True, b""),
    "stream: waiting for the first event": ("stream-stall-after-0", True, b""),
    "stream: only comments so far": ("stream-pings-only", True, b""),
    "stream: stalled in the middle": ("stream-stall-after-3", True, b"word1"),
    "stream: flowing": ("stream-paced-10ms-500", True, b"word5"),
    "stream: faster than it is read": ("stream-flood", True, b"aaaa"),
}


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", *(behaviour for behaviour, _, _ in PHASES.values()), num_retries=2)
    shared_gateway.define_models({"retried": [{"upstream_model": "slow-200ms"}, {"upstream_model": "hang"}]})


def send(gateway: LiveGateway, model: str, *, stream: bool) -> socket.socket:
    url = httpx.URL(gateway.base_url)
    data = json.dumps(body(model, stream=stream)).encode()
    sock = socket.create_connection((url.host, url.port or 80), timeout=5)
    sock.sendall(head(gateway, len(data)) + data)
    return sock


def head(gateway: LiveGateway, length: int) -> bytes:
    lines = ["POST /v1/chat/completions HTTP/1.1", "host: x", f"authorization: Bearer {gateway.key}", f"content-length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def read_until(sock: socket.socket, text: bytes) -> None:
    received = b""
    while text not in received:
        received += sock.recv(4096)


@pytest.mark.parametrize("leave", LEAVING)
@pytest.mark.parametrize("phase", PHASES)
def test_client_when_it_leaves_closes_the_upstream(
    gateway: LiveGateway, phase: str, leave: Callable[[socket.socket], None]
) -> None:
    behaviour, stream, seen = PHASES[phase]
    sock = send(gateway, f"chaos/{behaviour}", stream=stream)
    assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
    read_until(sock, seen)
    left, watch = time.monotonic(), Stopwatch(gateway)
    leave(sock)
    record = gateway.chaos.wait_state("client_closed")
    assert record["started"] + record["ms"] / 1000 - left - watch.starved() < BOUND_S
    time.sleep(0.05)
    assert len(gateway.chaos.log()) == 1, "a request that nobody waits for was tried again"


def test_client_when_it_leaves_during_a_pause_between_tries_is_not_retried(gateway: LiveGateway) -> None:
    gateway.chaos.script(["status-503-retry-after-1"] * 3)
    gateway.operator.update("ModelDefinition", {"name": "chaos/ok"}, {"max_retry_delay_s": 10.0})
    with send(gateway, "chaos/ok", stream=False):
        assert eventually(lambda: len(gateway.chaos.log()) == 1, 2)
    time.sleep(1.5)
    assert len(gateway.chaos.log()) == 1
    gateway.chaos.reset()


def test_clients_when_many_leave_lose_no_connection_of_the_pool(gateway: LiveGateway) -> None:
    for _ in range(5):
        socks = [send(gateway, "chaos/stream-stall-after-3", stream=True) for _ in range(20)]
        for sock in socks:
            read_until(sock, b"word1")
        for leave, sock in zip(LEAVING * 10, socks, strict=True):
            leave(sock)
    assert gateway.chaos.wait_idle()
    assert {seen["state"] for seen in gateway.chaos.log("stream-stall-after-3")} == {"client_closed"}
    assert eventually(lambda: gateway.chaos.connections()["open"] < 10, 2)
    for _ in range(20):
        assert gateway.chat("chaos/ok").status_code == 200


def test_client_when_it_stops_reading_stops_the_upstream_too(gateway: LiveGateway) -> None:
    sock = send(gateway, "chaos/stream-flood", stream=True)
    read_until(sock, b"aaaa")
    assert eventually(lambda: resident_mib(gateway) > 0, 1)
    time.sleep(0.3)
    before = resident_mib(gateway)
    time.sleep(0.7)
    assert resident_mib(gateway) - before < 20
    assert gateway.chat("chaos/ok").status_code == 200
    sock.close()
    gateway.chaos.wait_state("client_closed", "stream-flood")


def resident_mib(gateway: LiveGateway) -> float:
    """Memory of the server process, which a flood that is not held back fills at hundreds of MiB a second."""
    with open(f"/proc/{gateway.process.pid}/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096 / 2**20


def test_client_when_it_leaves_in_the_middle_of_its_body_is_forgotten(gateway: LiveGateway) -> None:
    url = httpx.URL(gateway.base_url)
    for leave in LEAVING:
        sock = socket.create_connection((url.host, url.port or 80), timeout=5)
        sock.sendall(head(gateway, 1000) + b'{"model":')
        time.sleep(0.02)
        leave(sock)
    assert gateway.chat("chaos/ok").status_code == 200
    assert len(gateway.chaos.log()) == 1
