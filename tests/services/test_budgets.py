"""Is a budget exact over several workers, on Redis and on PostgreSQL alone, also when they are killed?"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.budgets import NANO, Spender, counters, settled
from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body

pytestmark = pytest.mark.alone  # it measures time

WORKERS = 4
PRICE = "1000"
TOKEN = NANO // 1000
COST = 120 * TOKEN
"""Of an answer with 100 tokens in and 20 out."""
HELD_S = 3


@pytest.fixture(params=["redis", "postgres"])
def gateway(request: pytest.FixtureRequest, postgres: str, redis_url: str, chaos: Chaos, tmp_path: Path) -> Iterator[LiveGateway]:
    """Four workers, which count in Redis or in the database."""
    variables: dict[str, Any] = {"DATABASE_URL": postgres, "GATEWAY_BUDGET_HOLD_S": str(HELD_S)}
    if request.param == "redis":
        with redis.Redis.from_url(redis_url) as client:
            client.flushdb()
        variables["REDIS_URL"] = redis_url
    with LiveGateway(tmp_path, chaos, workers=WORKERS, **variables) as started:
        started.define("ok-usage-20-20", "slow-400ms", input_price=PRICE, output_price=PRICE)
        yield started
        started.expect_errors()


def test_parallel_requests_when_the_budget_is_for_ten_pass_ten_at_most(gateway: LiveGateway) -> None:
    spender = Spender(gateway, amount="0.4")
    asked = body("chaos/ok-usage-20-20", max_tokens=20)

    def ask(number: int) -> list[int]:
        limits, headers = httpx.Limits(max_keepalive_connections=0), gateway.headers(spender.key)
        with httpx.Client(base_url=gateway.base_url, headers=headers, trust_env=False, limits=limits) as http:
            return [http.post("/v1/chat/completions", json=asked, timeout=30).status_code for _ in range(20)]

    with ThreadPoolExecutor(25) as pool:
        answers = [status for some in pool.map(ask, range(25)) for status in some]
    assert len(answers) == 500
    assert set(answers) <= {200, 429}
    passed = answers.count(200)
    assert 1 <= passed <= 10
    assert spender.standing(passed) == (passed * 40 * TOKEN, 0)


def workers_of(gateway: LiveGateway) -> list[int]:
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_ledger_when_workers_are_killed_at_random_adds_up_to_the_counters(gateway: LiveGateway, redis_url: str) -> None:
    spender = Spender(gateway, amount="1000")
    until = time.monotonic() + 6
    asked = body("chaos/slow-400ms", max_tokens=20)

    def ask(number: int) -> int:
        passed = 0
        while time.monotonic() < until:
            try:
                with httpx.Client(base_url=gateway.base_url, headers=gateway.headers(spender.key), trust_env=False) as http:
                    passed += http.post("/v1/chat/completions", json=asked, timeout=10).status_code == 200
            except httpx.HTTPError:
                time.sleep(0.02)
        return passed

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask, number) for number in range(8)]
        dice = random.Random(14)
        for _ in range(4):
            time.sleep(1)
            os.kill(dice.choice(workers_of(gateway)), signal.SIGKILL)
        passed = sum(done.result() for done in asking)
    assert passed > 0

    def quiet() -> bool:
        return all(held == 0 for _, held in counters(gateway, budget=spender.budget).values())

    assert eventually(quiet, HELD_S + 20, 0.2), "holds of killed workers are released"
    spent, held = settled(gateway, spender.budget, passed)
    assert held == 0
    assert spent >= passed * 14 * TOKEN
    assert spent % (14 * TOKEN) == 0
    assert store_says(gateway, spender.budget, redis_url) == spent


def store_says(gateway: LiveGateway, budget: str, redis_url: str) -> int:
    """What the store has as spent of a budget without an end."""
    if "REDIS_URL" not in gateway.env:
        (row,) = gateway.operator.rows("openai_api.LimitCounterRow", {"name__contains": budget})
        return int(row["state"].strip("[]").split(",")[0])
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        (key,) = [key for key in client.keys(f"*{budget}*") if client.type(key) == "hash"]
        return int(client.hget(key, "s") or 0)


def test_redis_when_it_was_flushed_or_came_back_older_is_told_what_the_ledger_has(
    postgres: str, redis_url: str, chaos: Chaos, tmp_path: Path
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        with LiveGateway(tmp_path, chaos, workers=2, DATABASE_URL=postgres, REDIS_URL=redis_url) as gateway:
            gateway.define("ok-usage-100-20", input_price=PRICE, output_price=PRICE)
            spender = Spender(gateway, amount="0.6")
            assert spender.chat("chaos/ok-usage-100-20").status_code == 200
            assert spender.standing() == (COST, 0)
            older = {key: (client.type(key), client.dump(key)) for key in client.keys("signalbox:limits:*")}
            assert spender.chat("chaos/ok-usage-100-20").status_code == 200
            assert spender.standing(2) == (2 * COST, 0)
            for key in client.keys("signalbox:limits:*"):
                client.delete(key)
            for key, (_, dumped) in older.items():
                client.restore(key, 0, dumped)
            assert eventually(lambda: store_says(gateway, spender.budget, redis_url) == 2 * COST, 10, 0.1)
            client.flushdb()
            assert spender.chat("chaos/ok-usage-100-20").status_code == 200
            assert spender.standing(3) == (3 * COST, 0)
            assert eventually(lambda: store_says(gateway, spender.budget, redis_url) == 3 * COST, 10, 0.1)
            assert spender.chat("chaos/ok-usage-100-20", most=300).status_code == 429
            gateway.expect_errors()
        client.flushdb()
