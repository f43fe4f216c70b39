"""Is a limit held to when what counts it is slow, goes away, is emptied or comes back as it was? Two workers, on Redis or on a
database."""

from __future__ import annotations

import json
import re
import select
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from tests import needs
from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway
from tests.services.conftest import database, replaced
from tests.services.own_redis import OwnRedis
from tests.services.proxy import Proxy

pytestmark = pytest.mark.alone  # it measures time

WORKERS = 2
SLOW_S = 0.3
SLOW_CALLS = 5
AMOUNT = 40
PLACES = 4
TRIES = 4
LOST = 8
"""Requests at a worker whose counting may be heard of by nobody when the line is cut, and which count twice then."""


class Site(NamedTuple):
    gateway: LiveGateway
    proxy: Proxy


class OnRedis(NamedTuple):
    gateway: LiveGateway
    proxy: Proxy
    redis: OwnRedis


@pytest.fixture(scope="module")
def on_redis(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnRedis]:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path_factory.mktemp("redis"))
    with Proxy("127.0.0.1", redis.port) as proxy:
        gateway = start_gateway(workers=WORKERS, REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0")
        gateway.define("ok", "hang")
        yield OnRedis(gateway, proxy, redis)
        assert gateway.stop() == 0
    redis.stop()


@pytest.fixture(scope="module")
def on_postgres(
    postgres_url: str, migrated_postgres: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with database(postgres_url, migrated_postgres) as url:
        parts = urlsplit(url)
        with Proxy(parts.hostname or "", parts.port or 5432) as proxy:
            away = replaced(url, host="127.0.0.1", port=proxy.port)
            directory = tmp_path_factory.mktemp("limits")
            with LiveGateway(directory, shared_chaos, workers=WORKERS, DATABASE_URL=away) as gateway:
                gateway.define("ok")
                yield Site(gateway, proxy)
                gateway.expect_errors()


class Caller:
    """A key with a limit an hour, asked over new connections, which any worker may take. `left` is what is left of it."""

    def __init__(self, gateway: LiveGateway, **limit: Any) -> None:
        self._gateway = gateway
        made = gateway.create_key(f"limited-{uuid4().hex[:8]}", "--rpm", "1000000")
        self.headers = gateway.headers(made["key"])
        rule = {"per": "hour", "algorithm": "sliding_window", "counted": "requests", "amount": AMOUNT, **limit}
        gateway.operator.create("models_catalog.Limit", client_key_id=made["id"], **rule)
        gateway.wait_version(gateway.operator.rows("CatalogVersion", {})[0]["version"])
        self.left = self.remaining()

    def ask(self) -> httpx.Response:
        url = f"{self._gateway.base_url}/v1/chat/completions"
        return httpx.post(url, json=body("chaos/ok"), headers=self.headers, timeout=20, trust_env=False)

    def admitted(self, times: int) -> int:
        """How many of so many requests are admitted, a few at a time."""
        return self.asked(times)[0]

    def asked(self, times: int) -> tuple[int, bool]:
        """How many of so many requests are admitted, and whether a worker went by its share for any."""
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: self.ask(), range(times)))
        return sum(answer.status_code == 200 for answer in answers), any(map(is_local, answers))

    def remaining(self) -> int:
        """What is left after one more request."""
        return int(self.ask().headers["x-ratelimit-remaining-requests"])


class Hanging:
    """Requests that hold places until the `with` block ends."""

    def __init__(self, gateway: LiveGateway, caller: Caller) -> None:
        self._gateway, self._caller = gateway, caller
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Hanging:
        self._gateway.chaos.reset()
        return self

    def __exit__(self, *error: object) -> None:
        for one in self._sockets:
            one.close()

    def more(self, count: int) -> int:
        """Asks for so many more places; how many are held then."""
        asked = json.dumps(body("chaos/hang")).encode()
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", urlsplit(self._gateway.base_url).port or 80), timeout=20)
            self._sockets.append(one)
            head = [f"{name}: {value}" for name, value in self._caller.headers.items()]
            lines = ["POST /v1/chat/completions HTTP/1.1", "host: localhost", f"content-length: {len(asked)}", *head, "", ""]
            one.sendall("\r\n".join(lines).encode() + asked)
        running = {one for one in self._sockets if not select.select([one], [], [], 0.7)[0]}
        return len(running)


def is_local(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("x-gateway-limits") == "local")


def together(gateway: LiveGateway) -> bool:
    return bool(eventually(lambda: "signalbox_limits_local 0" in gateway.http.get("/metrics").text, 30, 0.1))


def asked_together(gateway: LiveGateway) -> tuple[Caller, int]:
    """A caller of whose limit about half is used, counted by all together: on a busy machine an answer may come too late."""
    for _ in range(TRIES):
        caller = Caller(gateway)
        answers = [caller.ask() for _ in range(caller.left // 2)]
        if not any(map(is_local, answers)):
            return caller, sum(answer.status_code == 200 for answer in answers)
        assert together(gateway)
    raise AssertionError(f"a worker counted alone in each of {TRIES} tries")


def scripts_run(redis: OwnRedis) -> int:
    found = re.search(r"cmdstat_evalsha:calls=(\d+)", redis.cli("INFO", "commandstats"))
    return int(found[1]) if found else 0


@pytest.mark.parametrize("where", ["on_redis", "on_postgres"])
def test_limit_when_what_counts_it_is_cut_off_and_back_then_it_is_not_passed(where: str, request: pytest.FixtureRequest) -> None:
    site = request.getfixturevalue(where)
    assert together(site.gateway)
    caller, before = asked_together(site.gateway)
    site.proxy.cut()
    alone = caller.admitted(2 * AMOUNT)
    site.proxy.restore()
    assert together(site.gateway)
    after = caller.admitted(2 * AMOUNT)
    assert alone > 0
    assert before + alone + after <= caller.left + before // WORKERS, "a worker may not have heard of what others took"
    assert before + alone + after >= caller.left - LOST * WORKERS
    site.gateway.expect_errors()


def test_redis_when_it_is_slow_then_few_requests_ask_it_and_what_it_counts_late_counts_once(on_redis: OnRedis) -> None:
    gateway, proxy, redis = on_redis
    assert together(gateway)
    caller, asked = Caller(gateway), scripts_run(redis)
    proxy.delay_s = SLOW_S
    answers = [caller.ask() for _ in range(AMOUNT // 2)]
    assert eventually(lambda: redis.cli("PING") == "PONG", 3 * SLOW_S, SLOW_S)
    assert scripts_run(redis) - asked <= SLOW_CALLS * WORKERS
    assert all(is_local(answer) for answer in answers[-AMOUNT // 4 :])
    proxy.delay_s = 0.0
    assert together(gateway)
    assert caller.remaining() == caller.left - sum(answer.status_code == 200 for answer in answers) - 1


def test_concurrent_when_redis_comes_back_while_requests_run_then_they_hold_their_places(on_redis: OnRedis) -> None:
    gateway, proxy, _ = on_redis
    assert together(gateway)
    caller = Caller(gateway, counted="concurrent", per="minute", amount=PLACES)
    with Hanging(gateway, caller) as hanging:
        assert hanging.more(2) == 2
        proxy.cut()
        alone = hanging.more(PLACES)
        assert 2 <= alone <= PLACES
        proxy.restore()
        assert together(gateway)
        assert hanging.more(PLACES) == PLACES
    assert eventually(lambda: caller.ask().status_code == 200, 10, 0.1)


def test_redis_when_it_is_emptied_or_an_older_copy_then_limits_go_on_from_what_it_has(on_redis: OnRedis) -> None:
    """Exactly so, unless a worker went by its share meanwhile, as the machine was busy: then all is tried again."""
    gateway, _, redis = on_redis
    assert any(_went_on(gateway, redis) for _ in range(TRIES)), f"a worker counted alone in each of {TRIES} tries"


def _went_on(gateway: LiveGateway, redis: OwnRedis) -> bool:
    assert together(gateway)
    caller, first = asked_together(gateway)
    other = Caller(gateway, amount=10**6)
    redis.cli("SAVE")
    for most, change in ((caller.left - first, _restarted), (caller.left - first, _emptied), (AMOUNT, None)):
        assert eventually(lambda: not other.asked(12)[1], 30, 0.2), "all workers have found it again"
        admitted, alone = caller.asked(2 * AMOUNT)
        if alone:
            return False
        assert 0 < admitted <= most
        assert caller.ask().status_code == 429
        if change is not None:
            change(redis)
    return True


def _restarted(redis: OwnRedis) -> None:
    redis.stop()
    redis.start()


def _emptied(redis: OwnRedis) -> None:
    redis.cli("FLUSHALL")
    redis.cli("SCRIPT", "FLUSH")


def test_database_when_several_workers_share_sqlite_then_they_share_the_limit(start_gateway: StartGateway) -> None:
    gateway = start_gateway(workers=WORKERS)
    gateway.define("ok")
    caller = Caller(gateway)
    assert 0.98 * caller.left <= caller.admitted(2 * AMOUNT) <= caller.left
    assert gateway.stop() == 0
