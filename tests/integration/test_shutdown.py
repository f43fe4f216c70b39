"""What becomes of the requests in work when the server is told to end?"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body, error_in, error_of, events, words
from tests.live_fixtures import StartGateway

DRAIN_S = 1.5
LONG_DRAIN_S = 15.0
EXIT_WITHIN_S = 5.0
"""From the end of the drain to the end of the process; 2 seconds in peace, more on a busy machine."""


@pytest.fixture(params=[1, 2], ids=["one worker", "two workers"])
def workers(request: pytest.FixtureRequest, chaos: Chaos) -> int:
    return int(request.param)


def short_lived(start_gateway: StartGateway, workers: int, drain_s: float) -> LiveGateway:
    """A gateway for one test that ends it."""
    gateway = start_gateway(workers=workers, GATEWAY_DRAIN_S=str(drain_s))
    gateway.define("slow-300ms", "hang", "stream-paced-50ms-10", "stream-paced-50ms-400", "stream-stall-after-3")
    return gateway


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as threads:
        yield threads


def ask(gateway: LiveGateway, model: str, *, stream: bool = False) -> httpx.Response:
    """One request on a connection of its own."""
    return httpx.post(
        f"{gateway.base_url}/v1/chat/completions",
        json=body(model, stream=stream),
        headers=gateway.headers(),
        trust_env=False,
        timeout=20,
    )


def start(
    pool: ThreadPoolExecutor, gateway: LiveGateway, model: str, *, stream: bool, count: int = 3
) -> list[Future[httpx.Response]]:
    return [pool.submit(ask, gateway, model, stream=stream) for _ in range(count)]


def test_requests_when_the_server_ends_are_finished_or_told(
    workers: int, start_gateway: StartGateway, pool: ThreadPoolExecutor
) -> None:
    ending = short_lived(start_gateway, workers, DRAIN_S)
    short = start(pool, ending, "chaos/slow-300ms", stream=False)
    streamed = start(pool, ending, "chaos/stream-paced-50ms-10", stream=True)
    endless = start(pool, ending, "chaos/stream-paced-50ms-400", stream=True)
    stalled = start(pool, ending, "chaos/stream-stall-after-3", stream=True)
    waiting = start(pool, ending, "chaos/hang", stream=False)
    assert eventually(lambda: len(ending.chaos.log()) == 15, 5)
    signalled = time.monotonic()
    ending.process.send_signal(signal.SIGTERM)
    assert eventually(lambda: refuses(ending), 1.0)
    assert [answer.result().status_code for answer in short] == [200] * 3
    assert {words(answer.result()) for answer in streamed} == {"".join(f"word{number} " for number in range(10))}
    for cut in [*endless, *stalled]:
        *_, last, error, done = events(cut.result())
        assert last["choices"]
        assert (error_in(error)["code"], done) == ("server_draining", "[DONE]")
    for told in waiting:
        assert (told.result().status_code, error_of(told.result())["code"]) == (503, "server_draining")
    assert ending.process.wait(EXIT_WITHIN_S) == 0
    assert time.monotonic() - signalled > DRAIN_S - 0.1
    assert ending.chaos.wait_idle()
    assert len(ending.operator.rows("openai_api.UsageRecord", {"method": "POST"})) == 15


def refuses(gateway: LiveGateway) -> bool:
    """Whether a new connection is refused, or told that the server is not ready."""
    try:
        return httpx.get(f"{gateway.base_url}/readyz", trust_env=False, timeout=2).status_code == 503
    except httpx.TransportError:
        return True


def test_server_when_told_twice_ends_at_once(workers: int, start_gateway: StartGateway, pool: ThreadPoolExecutor) -> None:
    ending = short_lived(start_gateway, workers, LONG_DRAIN_S)
    streams = start(pool, ending, "chaos/stream-stall-after-3", stream=True)
    assert eventually(lambda: len(ending.chaos.log()) == 3, 5)
    ending.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    ending.process.send_signal(signal.SIGTERM)
    assert ending.process.wait(EXIT_WITHIN_S) == 0
    for stream in streams:
        *_, error, done = events(stream.result())
        assert (error_in(error)["code"], done) == ("server_draining", "[DONE]")
