"""Do the sums of the metrics add up over workers, living and dead, and are their labels bounded?"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from importlib.metadata import version

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.integration.test_workers import workers
from tests.live import LiveGateway, body, error_of
from tests.live_fixtures import StartGateway

WITHIN_S = 6.0
"""A second and a quarter in peace."""
SAMPLE = re.compile(r"^signalbox_(\w+)(?:\{(.*)\})? (\S+)$")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the worker processes in /proc")


@pytest.fixture(scope="module", params=["process", "thread"])
def pair(request: pytest.FixtureRequest, start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(workers=2, GATEWAY_RECORDER=request.param)
    gateway.define("ok", "status-503", "stream-stall-after-3", input_price=2, output_price=4)
    return gateway


@pytest.fixture
def pinned(pair: LiveGateway) -> Iterator[list[httpx.Client]]:
    """A kept-alive connection to each worker."""
    clients = []
    for asleep in workers(pair):
        client = httpx.Client(base_url=pair.base_url, headers=pair.headers(), trust_env=False, timeout=10)
        os.kill(asleep, signal.SIGSTOP)
        try:
            assert client.get("/livez").status_code == 200
        finally:
            os.kill(asleep, signal.SIGCONT)
        clients.append(client)
    yield clients
    for client in clients:
        client.close()


def samples(client: httpx.Client) -> dict[tuple[str, str], float]:
    """The metrics page: name and labels → value."""
    page = client.get("/metrics")
    assert page.status_code == 200
    found = (SAMPLE.match(line) for line in page.text.splitlines())
    return {(match[1], match[2] or ""): float(match[3]) for match in found if match}


def total(client: httpx.Client, name: str, *labels: str) -> float:
    """The sum of a metric over all series with these labels."""
    series = [(text, value) for (known, text), value in samples(client).items() if known == name]
    return sum(value for text, value in series if all(label in text for label in labels))


CHAT = 'path="/v1/chat/completions"'


def test_sums_when_asked_of_either_worker_are_those_of_all_also_of_a_dead_one(
    pair: LiveGateway, pinned: list[httpx.Client]
) -> None:
    for number, client in enumerate(pinned):
        for _ in range(10 + 10 * number):
            assert client.post("/v1/chat/completions", json=body("chaos/ok")).status_code == 200
    with pinned[0].stream("POST", "/v1/chat/completions", json=body("chaos/stream-stall-after-3", stream=True)) as left:
        next(left.iter_bytes())
    for client in pinned:
        assert eventually(lambda client=client: total(client, "requests_total", CHAT) == 31, WITHIN_S, 0.1)
        assert total(client, "requests_total", CHAT, 'status="499"') == 1
        assert total(client, "request_seconds_count", 'model="chaos/ok"') == 30
        assert total(client, "tokens_total", 'model="chaos/ok"', 'direction="input"') == 30 * 11
        assert total(client, "cost_usd_total", 'model="chaos/ok"') == pytest.approx(30 * (11 * 2 + 3 * 4) / 1e6)
        assert total(client, "workers") == 2
        assert total(client, "records_dropped_total") == 0
        assert total(client, "build_info", f'version="{version("signalbox-gateway")}"') == 1
    assert eventually(lambda: total(pinned[1], "pool_opened_total") > 1, WITHIN_S, 0.1), "the other one tells once a second"
    opened = total(pinned[1], "pool_opened_total")
    victim = workers(pair)[0]
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: len(set(workers(pair)) - {victim}) == 2, 10)
    with httpx.Client(base_url=pair.base_url, headers=pair.headers(), trust_env=False, timeout=10) as client:
        assert eventually(lambda: total(client, "workers") == 2, WITHIN_S, 0.1)
        assert total(client, "requests_total", CHAT) == 31
        assert total(client, "pool_opened_total") >= opened
    pair.check(expected="worker died: starting another")


def test_labels_when_clients_make_things_up_are_none_of_theirs(pair: LiveGateway) -> None:
    with httpx.Client(base_url=pair.base_url, trust_env=False, timeout=10) as client:
        before = series(client)
        for number in range(40):
            made_up = f"made-up-{number}"
            client.get(f"/v1/{made_up}")
            client.get(f"/v1/models/{made_up}", headers=pair.headers())
            client.post("/v1/chat/completions", json=body(made_up), headers=pair.headers())
            client.post("/v1/chat/completions", json=body("chaos/ok"), headers={"authorization": f"Bearer {made_up}"})
            client.request(f"MADE{number}", "/v1/chat/completions")
        assert eventually(lambda: total(client, "requests_total") >= 160, WITHIN_S, 0.1)
        after = series(client)
    assert len(after - before) <= 40, sorted(after - before)
    assert not any("made-up" in labels or "MADE" in labels for _, labels in after)


def series(client: httpx.Client) -> set[tuple[str, str]]:
    return {(name, labels) for name, labels in samples(client) if not name.endswith("_bucket")}


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_metrics_when_asked_through_a_proxy_on_the_same_machine_are_refused(pair: LiveGateway, name: str) -> None:
    answer = httpx.get(f"{pair.base_url}/metrics", headers={name: "127.0.0.1"}, trust_env=False)
    assert (answer.status_code, error_of(answer)["code"]) == (403, "metrics_are_local")
