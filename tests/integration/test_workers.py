"""Do all workers of a server know what one has learned, and does the server outlive one of them?"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway

WITHIN_S = 1.0

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the worker processes in /proc")


@pytest.fixture(scope="module")
def two_workers(start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(workers=2)
    gateway.define("ok", "echo")
    return gateway


def workers(gateway: LiveGateway) -> list[int]:
    """The process ids of the workers."""
    return children(gateway, b"spawn_main")


def recorders(gateway: LiveGateway) -> list[int]:
    """The process id of the recorder, if it has a process."""
    return children(gateway, b"gateway_project.recorder_process")


def children(gateway: LiveGateway, command: bytes) -> list[int]:
    """The process ids of the server's children whose command line has that."""
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return sorted(pid for pid in found if is_child(pid, gateway.process.pid, command))


def is_child(pid: int, parent: int, command: bytes) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        told = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return int(status[1]) == parent and status[0] != "Z" and command in told


@pytest.fixture
def pinned(two_workers: LiveGateway) -> Iterator[list[httpx.Client]]:
    """A kept-alive connection to each worker: while one sleeps, the other takes what comes."""
    clients = []
    pids = workers(two_workers)
    assert len(pids) == 2
    for asleep in pids:
        client = httpx.Client(base_url=two_workers.base_url, headers=two_workers.headers(), trust_env=False, timeout=10)
        os.kill(asleep, signal.SIGSTOP)
        try:
            assert client.get("/livez").status_code == 200
        finally:
            os.kill(asleep, signal.SIGCONT)
        clients.append(client)
    yield clients
    for client in clients:
        client.close()
    two_workers.check()


def statuses(clients: list[httpx.Client], model: str = "chaos/ok", key: str | None = None) -> list[int]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return [client.post("/v1/chat/completions", json=body(model), headers=headers).status_code for client in clients]


def test_key_when_made_and_revoked_is_known_to_both_workers(two_workers: LiveGateway, pinned: list[httpx.Client]) -> None:
    made = two_workers.create_key("two workers")
    assert eventually(lambda: statuses(pinned, key=made["key"]) == [200, 200], WITHIN_S)
    two_workers.operator.command("revoke_api_key", made["id"])
    assert eventually(lambda: statuses(pinned, key=made["key"]) == [401, 401], WITHIN_S)
    assert statuses(pinned) == [200, 200]


def test_model_when_disabled_is_refused_by_both_workers(two_workers: LiveGateway, pinned: list[httpx.Client]) -> None:
    assert statuses(pinned, "chaos/echo") == [200, 200]
    two_workers.operator.update("ModelDefinition", {"name": "chaos/echo"}, {"enabled": False})
    assert eventually(lambda: statuses(pinned, "chaos/echo") == [404, 404], WITHIN_S)
    two_workers.operator.update("ModelDefinition", {"name": "chaos/echo"}, {"enabled": True})
    assert eventually(lambda: statuses(pinned, "chaos/echo") == [200, 200], WITHIN_S)


def test_worker_when_killed_is_replaced_and_the_other_serves_on(two_workers: LiveGateway, pinned: list[httpx.Client]) -> None:
    killed, survivor = workers(two_workers)
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: killed not in workers(two_workers), 5)
    answers = []
    deadline = time.monotonic() + 10
    while len(workers(two_workers)) < 2 and time.monotonic() < deadline:
        answers.append(two_workers.listed() is not None)
    assert survivor in workers(two_workers)
    assert len(workers(two_workers)) == 2
    assert all(answers)
    two_workers.wait_visible("chaos/ok")
    two_workers.check(expected="worker died: starting another")
