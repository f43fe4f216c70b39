"""Do two nodes share cached answers through Redis, does a purge reach both, and does nobody wait for it while it is away?"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests import needs
from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway
from tests.services.own_redis import OwnRedis
from tests.stopwatch import Stopwatch

CACHE = "x-gateway-cache"
CHAT = "/v1/chat/completions"
MODEL, OTHER = "chaos/ok", "chaos/echo"
PURGED_WITHIN_S = 5.0
BACK_WITHIN_S = 30.0
"""A connection is tried again after 10 seconds at most."""
ASKED = 40
WAITED_S = 2.0
"""How long 40 requests may wait for a Redis that is silent, all together: one of them does, for 50 ms."""


class Nodes:
    """Two gateways on one catalog and one Redis."""

    def __init__(self, first: LiveGateway, second: LiveGateway, redis: OwnRedis) -> None:
        self.first, self.second, self.redis = first, second, redis
        self._http = [httpx.Client(base_url=node.base_url, headers=first.headers(), trust_env=False) for node in (first, second)]

    def ask(self, text: str, model: str = MODEL, *, node: int = 0, **fields: Any) -> httpx.Response:
        request = body(model, messages=[{"role": "user", "content": text}], **fields)
        answer = self._http[node].post(CHAT, json=request, timeout=20)
        assert answer.status_code == 200
        return answer

    def close(self) -> None:
        for client in self._http:
            client.close()

    def told(self, text: str, model: str = MODEL, *, node: int = 1) -> str:
        """What the cache has of it, without keeping it."""
        return str(self.ask(text, model, node=node, cache_options={"enabled": "read_only"}).headers[CACHE])

    def keys(self) -> int:
        return len([key for key in self.redis.cli("--scan", "--pattern", "signalbox:cache:*").split("\n") if key])


@pytest.fixture(scope="module")
def nodes(start_gateway: StartGateway, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path_factory.mktemp("redis"))
    url = f"redis://127.0.0.1:{redis.port}/0"
    first = start_gateway(REDIS_URL=url)
    first.define("ok", "echo", cache="on")
    database = f"sqlite:///{first.env['GATEWAY_DATA_DIR']}/gateway.sqlite3"
    second = start_gateway(REDIS_URL=url, DATABASE_URL=database)
    second.wait_visible(MODEL, key=first.key)
    nodes = Nodes(first, second, redis)
    yield nodes
    nodes.close()
    for node in (first, second):
        assert node.stop() == 0
    redis.stop()


@pytest.fixture
def asked() -> str:
    """A question that nobody has asked before."""
    return f"What is {uuid4()}?"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_answer_when_one_node_has_got_it_then_the_other_gives_it(nodes: Nodes, chaos: Chaos, asked: str, stream: bool) -> None:
    first = nodes.ask(asked, stream=stream)
    assert eventually(lambda: nodes.ask(asked, node=1, stream=stream).headers[CACHE] == "hit", 2)
    second = nodes.ask(asked, node=1, stream=stream)
    assert without_ids(second.text) == without_ids(first.text)
    assert 1 <= len(chaos.log()) <= 2  # the first node may still have been writing


def without_ids(text: str) -> str:
    return re.sub(r'"id": ?"[^"]*"|"created": ?[0-9]+', "", text)


def test_purge_when_of_a_model_then_both_nodes_forget_it_and_redis_is_only_searched_to_erase(nodes: Nodes, asked: str) -> None:
    for model in (MODEL, OTHER):
        nodes.ask(asked, model)
        assert eventually(lambda model=model: nodes.told(asked, model) == "hit", 2)
    before = nodes.keys()
    nodes.first.operator.command("purge_cache", "--model", MODEL)
    for node in range(2):
        assert eventually(lambda node=node: nodes.told(asked, node=node) == "miss", PURGED_WITHIN_S, 0.05)
        assert nodes.told(asked, OTHER, node=node) == "hit"
    assert nodes.keys() == before
    told = nodes.first.operator.command("purge_cache", "--model", MODEL, "--erase")
    assert "deleted in Redis" in told
    assert 1 <= nodes.keys() < before
    assert nodes.told(asked, OTHER) == "hit"


@contextmanager
def frozen(redis: OwnRedis) -> Iterator[None]:
    redis.freeze()
    yield
    redis.thaw()


@contextmanager
def killed(redis: OwnRedis) -> Iterator[None]:
    redis.stop()
    yield
    redis.start()


Outage = Callable[[OwnRedis], AbstractContextManager[None]]


@pytest.mark.parametrize("outage", [frozen, killed], ids=["frozen", "killed"])
def test_redis_when_away_then_all_is_answered_without_waiting_and_repeats_are_known_and_it_is_used_again(
    nodes: Nodes, chaos: Chaos, asked: str, outage: Outage
) -> None:
    nodes.ask(asked)
    assert eventually(lambda: nodes.told(asked) == "hit", BACK_WITHIN_S, 0.1)
    with outage(nodes.redis):
        assert eventually(lambda: nodes.told(asked) == "miss", 5)
        chaos.reset()
        watch = Stopwatch(nodes.second)
        assert [nodes.told(asked) for _ in range(ASKED)] == ["miss"] * ASKED
        assert watch.read() < WAITED_S
        assert len(chaos.log()) == ASKED
        repeats = [
            httpx.post(f"{nodes.second.base_url}{CHAT}", json=body(MODEL), headers=headers(nodes, asked), trust_env=False)
            for _ in range(2)
        ]
        assert [answer.headers.get("x-gateway-idempotent") for answer in repeats] == [None, "replayed"]
        if outage is killed:
            with pytest.raises(Exception, match="redis does not answer"):
                nodes.first.operator.command("purge_cache", "--model", OTHER, "--erase")
    nodes.ask(asked)
    assert eventually(lambda: nodes.ask(asked).headers[CACHE] == "hit", BACK_WITHIN_S, 0.1)
    assert eventually(lambda: nodes.told(asked) == "hit", BACK_WITHIN_S, 0.1)


def headers(nodes: Nodes, key: str) -> dict[str, str]:
    return {**nodes.first.headers(), "idempotency-key": key}
