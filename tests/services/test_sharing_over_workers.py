"""Do four workers keep the limits of a route together, through Redis, and does a key lead all of them to the same route?"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests import needs
from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway
from tests.services.own_redis import OwnRedis

pytestmark = pytest.mark.alone  # it measures time

WORKERS = 4
AT_ONCE = 12
TRIES = 4
"""A worker that Redis answers too late, on a machine with much to do, goes by its share for a while: then it is asked again."""


@pytest.fixture(scope="module")
def site(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path_factory.mktemp("redis"))
    gateway = start_gateway(workers=WORKERS, REDIS_URL=f"redis://127.0.0.1:{redis.port}/0")
    kept = [{"upstream_model": f"ok-usage-9-{number}", "shares": bool(number)} for number in range(3)]
    gateway.define_models(
        {
            **{
                f"minute {number}": [{"upstream_model": f"ok-usage-{number}-11", "rpm": 25}, {"upstream_model": "ok-usage-9-12"}]
                for number in range(TRIES)
            },
            "full": [{"upstream_model": "ok-usage-9-13", "rpm": 10}, {"upstream_model": "ok-usage-9-14", "rpm": 5}],
            "at once": [{"upstream_model": "slow-211ms", "max_concurrent": WORKERS}, {"upstream_model": "ok-usage-9-15"}],
            "kept": kept,
        }
    )
    yield gateway
    assert gateway.stop() == 0
    redis.stop()


def ask(gateway: LiveGateway, model: str, **fields: Any) -> httpx.Response:
    """Over a new connection, which any worker may take."""
    url = f"{gateway.base_url}/v1/chat/completions"
    return httpx.post(url, json=body(model, **fields), headers=gateway.headers(), trust_env=False, timeout=30)


def ask_many(gateway: LiveGateway, model: str, count: int, **fields: Any) -> list[httpx.Response]:
    gateway.chaos.reset()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: ask(gateway, model, **fields), range(count)))


def asked(gateway: LiveGateway) -> Counter[str]:
    return Counter(seen["model"] for seen in gateway.chaos.log())


def late(gateway: LiveGateway) -> float:
    """How often Redis did not answer in time."""
    told = gateway.http.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in told if line.startswith("signalbox_limits_store_failures_total "))


def test_requests_a_minute_when_four_workers_ask_are_exactly_those_of_the_limit(site: LiveGateway) -> None:
    for number in range(TRIES):
        before = late(site)
        answers = ask_many(site, f"minute {number}", 120)
        assert {(answer.status_code, answer.headers["x-gateway-attempts"]) for answer in answers} == {(200, "1")}
        if late(site) == before:
            break
    assert asked(site) == {f"ok-usage-{number}-11": 25, "ok-usage-9-12": 95}


def test_routes_when_all_are_full_for_all_workers_are_told_with_the_wait(site: LiveGateway) -> None:
    answers = ask_many(site, "full", 60)
    counted = Counter(answer.status_code for answer in answers)
    assert counted.keys() == {200, 429}
    assert counted[200] == asked(site).total()
    assert counted[200] <= 10 + 5 + (2 * WORKERS if late(site) else 0)
    assert all(1 <= int(answer.headers["retry-after"]) <= 61 for answer in answers if answer.status_code == 429)


def test_requests_at_once_when_four_workers_ask_are_never_more_than_the_limit(site: LiveGateway) -> None:
    answers = ask_many(site, "at once", 60)
    assert {answer.status_code for answer in answers} == {200}
    began = [seen["started"] for seen in site.chaos.log("slow-211ms")]
    assert max(sum(one <= start < one + 0.211 for one in began) for start in began) <= WORKERS
    assert len(began) >= WORKERS


def test_key_when_four_workers_ask_leads_all_to_one_route(site: LiveGateway) -> None:
    homes = set()
    for number in range(6):
        ask_many(site, "kept", 24, prompt_cache_key=f"key {number}")
        (home,) = asked(site)
        homes.add(home)
    assert len(homes) > 1
