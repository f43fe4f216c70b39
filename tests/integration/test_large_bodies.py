"""What do many large bodies at once cost, in memory and for others?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx
import pytest

from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway
from tests.stopwatch import Stopwatch

pytestmark = pytest.mark.alone  # it measures time

CLIENTS, MIB = 16, 8
MEMORY_RATIO = 2.5
"""Memory of the server for each byte under way, at most."""
OTHERS_WITHIN_S = 0.5
HUGE_MIB, HUGE_CLIENTS = 46, 8
LAG_S, LAG_SHARE = "0.05", 0.1
"""How late the event loop may be, and how often it may be later: never in peace, but others use the processors too."""
LAG = re.compile(r'^signalbox_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


@pytest.fixture(scope="module")
def fresh(start_gateway: StartGateway) -> LiveGateway:
    """A gateway whose memory has never been larger."""
    gateway = start_gateway()
    gateway.define("ok", "hang")
    for _ in range(20):
        gateway.chat("chaos/ok")
    return gateway


def image_request(model: str, mib: int = MIB) -> bytes:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * (mib * 2**18)}}
    return json.dumps(body(model, messages=[{"role": "user", "content": [image]}])).encode()


def memory_mib(gateway: LiveGateway, line: str) -> float:
    return int(Path(f"/proc/{gateway.process.pid}/status").read_text().split(f"{line}:")[1].split()[0]) / 1024


@contextmanager
def others(gateway: LiveGateway, *, own: bool = False) -> Iterator[list[float]]:
    """The times of small requests, one after another, until the block ends; `own` times leave out what other programs took, so
    that the longest tells for how long the gateway held somebody up."""
    waits: list[float] = []
    ended = Event()

    def ask() -> None:
        with httpx.Client(base_url=gateway.base_url, headers=gateway.headers(), trust_env=False, timeout=30) as client:
            while not ended.wait(0.01):
                watch = Stopwatch(gateway)
                assert client.post("/v1/chat/completions", json=body("chaos/ok")).status_code == 200
                waits.append(watch.read() if own else watch.elapsed())

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield waits
        finally:
            ended.set()
            asking.result()


def test_bodies_when_many_are_large_take_little_more_memory_than_they_are_and_hold_up_nobody(fresh: LiveGateway) -> None:
    data = image_request("chaos/ok")
    before = memory_mib(fresh, "VmRSS")

    def send() -> int:
        url = f"{fresh.base_url}/v1/chat/completions"
        return httpx.post(url, content=data, headers=fresh.headers(), trust_env=False, timeout=60).status_code

    with others(fresh) as waits, ThreadPoolExecutor(CLIENTS) as pool:
        sent: list[Future[int]] = [pool.submit(send) for _ in range(CLIENTS)]
        assert {answer.result() for answer in sent} == {200}
    assert (grown := memory_mib(fresh, "VmHWM") - before) <= MEMORY_RATIO * CLIENTS * MIB, grown
    assert len(waits) >= 3
    assert sorted(waits)[len(waits) // 2] < OTHERS_WITHIN_S
    assert {seen["body_bytes"] for seen in fresh.chaos.log("ok")} >= {len(data) - len("chaos/")}


def lags(gateway: LiveGateway) -> dict[str, float]:
    """How often the event loop has been late, by at most so many seconds."""
    page = httpx.get(f"{gateway.base_url}/metrics", trust_env=False, timeout=10).text
    return {match[1]: float(match[2]) for match in LAG.finditer(page)}


def check_lags(before: dict[str, float], after: dict[str, float]) -> None:
    """Between the two, the event loop was late as seldom as it may be."""
    found = {bound: count - before[bound] for bound, count in after.items()}
    assert found["+Inf"] >= 5
    assert found[LAG_S] >= found["+Inf"] * (1 - LAG_SHARE), found


def test_bodies_when_huge_do_not_hold_up_the_event_loop(fresh: LiveGateway) -> None:
    data = image_request("chaos/ok", HUGE_MIB)
    before = lags(fresh)

    def send(_: int) -> int:
        url = f"{fresh.base_url}/v1/chat/completions"
        return httpx.post(url, content=data, headers=fresh.headers(), trust_env=False, timeout=60).status_code

    with ThreadPoolExecutor(HUGE_CLIENTS) as pool:
        assert set(pool.map(send, range(HUGE_CLIENTS))) == {200}
    check_lags(before, lags(fresh))
