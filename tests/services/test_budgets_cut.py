"""Is the ledger exact when Redis goes away between a take and its settling, and when clients leave while they are admitted?"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
import redis

from tests.budgets import NANO, Spender, counters, sums
from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body
from tests.services.proxy import Proxy
from tests.services.test_budgets import store_says

PRICE = "1000"
COST = 14 * NANO // 1000
"""Of an answer of the chaos upstream, which says that it has 9 tokens in and 5 out."""
QUIET_WITHIN = 20.0


@pytest.fixture
def flushed(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def gateway(flushed: redis.Redis, redis_proxy: Proxy, postgres: str, chaos: Chaos, tmp_path: Path) -> Iterator[LiveGateway]:
    """A worker that counts in a Redis behind a proxy."""
    database = flushed.connection_pool.connection_kwargs["db"]
    url = f"redis://127.0.0.1:{redis_proxy.port}/{database}"
    with LiveGateway(tmp_path, chaos, DATABASE_URL=postgres, REDIS_URL=url, GATEWAY_BUDGET_HOLD_S="3600") as started:
        started.define("ok", "slow-400ms", input_price=PRICE, output_price=PRICE)
        yield started
        started.expect_errors()


def quiet(gateway: LiveGateway, budget: str, spent: int) -> bool:
    """Whether the ledger says that so much is spent and nothing held, by its entries and by its counters."""
    found = counters(gateway, budget=budget)
    return found == sums(gateway, budget=budget) and list(found.values()) == [(spent, 0)]


def test_settle_when_the_connection_is_lost_with_it_is_in_the_ledger_and_in_redis(
    gateway: LiveGateway, redis_proxy: Proxy, redis_url: str
) -> None:
    spender = Spender(gateway, amount="100")
    assert spender.chat("chaos/ok").status_code == 200
    assert spender.standing() == (COST, 0)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(spender.chat, "chaos/slow-400ms")
        assert eventually(lambda: bool(gateway.chaos.log("slow-400ms")), 5, 0.01)
        redis_proxy.freeze()
        assert answer.result().status_code == 200
    time.sleep(0.02)  # the settling is under way, and nobody hears of it
    redis_proxy.cut()
    redis_proxy.restore()
    redis_proxy.thaw()
    assert eventually(lambda: quiet(gateway, spender.budget, 2 * COST), QUIET_WITHIN, 0.1), sums(gateway, budget=spender.budget)
    assert eventually(lambda: store_says(gateway, spender.budget, redis_url) == 2 * COST, QUIET_WITHIN, 0.1)
    assert len(gateway.operator.rows("openai_api.LedgerEntry", {"budget": spender.budget})) == 6


def leave(gateway: LiveGateway, spender: Spender, after_s: float) -> None:
    """Asks, and is gone before the answer."""
    address = urlsplit(gateway.base_url)
    asked = msgspec.json.encode(body("chaos/slow-400ms", max_tokens=20))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {spender.key}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(asked)}\r\n\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0)) as client:
        client.sendall(head.encode() + asked)
        time.sleep(after_s)


def test_hold_when_clients_leave_while_they_are_admitted_is_released_at_once(gateway: LiveGateway, redis_proxy: Proxy) -> None:
    spender = Spender(gateway, amount="100")
    assert spender.chat("chaos/ok").status_code == 200
    assert spender.standing() == (COST, 0)
    redis_proxy.delay_s = 0.01
    for number in range(30):
        leave(gateway, spender, 0.001 * number)
    redis_proxy.delay_s = 0.0
    left = {"budget": spender.budget, "kind": "hold"}
    assert eventually(lambda: len(gateway.operator.rows("openai_api.LedgerEntry", left)) > 1, QUIET_WITHIN, 0.1)
    assert eventually(lambda: quiet(gateway, spender.budget, COST), QUIET_WITHIN, 0.1), sums(gateway, budget=spender.budget)
