"""Do four workers hold requests to one limit, through Redis and through PostgreSQL, and what happens while Redis is away?"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import httpx
import pytest

from tests import needs
from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway
from tests.services.conftest import database
from tests.services.own_redis import OwnRedis

pytestmark = pytest.mark.alone  # it measures time

WORKERS = 4
MOST = 20
ASKING = 8
"""Threads that always ask for more."""
TRIES = 4
LASTS_S = 5.0
BUSY_S = 0.3
"""A machine that lets nobody ask for so long says nothing of the limit's seconds."""
SLOWEST_S = 3.0
"""The machine's share of it is most: a request may wait 50 ms for Redis, once."""
SLOW_S = 0.5
SLOW_CALLS = 5
"""What a worker may have while Redis is away."""


class Asked(NamedTuple):
    """A request: it was admitted, or refused, between two moments."""

    sent: float
    heard: float
    status: int
    local: bool


class Site(NamedTuple):
    gateway: LiveGateway
    redis: OwnRedis | None


@pytest.fixture(scope="module")
def on_redis(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path_factory.mktemp("redis"))
    gateway = start_gateway(workers=WORKERS, REDIS_URL=f"redis://127.0.0.1:{redis.port}/0")
    gateway.define("ok", "hang")
    yield Site(gateway, redis)
    assert gateway.stop() == 0
    redis.stop()


@pytest.fixture(scope="module")
def on_postgres(
    postgres_url: str, migrated_postgres: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    directory: Path = tmp_path_factory.mktemp("limits")
    with (
        database(postgres_url, migrated_postgres) as url,
        LiveGateway(directory, shared_chaos, workers=WORKERS, DATABASE_URL=url) as gateway,
    ):
        gateway.define("ok", "hang")
        yield Site(gateway, None)


@pytest.fixture(params=["on_redis", "on_postgres"])
def site(request: pytest.FixtureRequest) -> Site:
    found: Site = request.getfixturevalue(request.param)
    return found


def limited(gateway: LiveGateway, counted: str, algorithm: str, amount: int = MOST) -> str:
    """A key with a limit a second, which all workers know."""
    made = gateway.create_key(f"limited-{uuid4().hex[:8]}")
    for rule in ({"counted": counted, "amount": amount}, {"counted": "requests", "amount": 10**6}):
        limit = {**rule, "per": "second", "algorithm": algorithm}
        gateway.operator.create("models_catalog.Limit", client_key_id=made["id"], **limit)
    key: str = made["key"]

    def known() -> bool:
        answers = [ask(gateway, key) for _ in range(3 * WORKERS)]
        return all("x-ratelimit-limit-requests" in answer.headers for answer in answers)

    assert eventually(known, 20, 0.1)
    return key


def ask(gateway: LiveGateway, key: str, model: str = "chaos/ok", timeout: float = 20) -> httpx.Response:
    """Over a new connection, which any worker may take."""
    url = f"{gateway.base_url}/v1/chat/completions"
    return httpx.post(url, json=body(model), headers=gateway.headers(key), timeout=timeout, trust_env=False)


class Load:
    """Threads that always ask for more, until the `with` block ends."""

    def __init__(self, gateway: LiveGateway, key: str) -> None:
        self._gateway = gateway
        self._key = key
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(ASKING)]
        self.asked: list[Asked] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(30)

    def _ask(self) -> None:
        with httpx.Client(trust_env=False, headers=self._gateway.headers(self._key), timeout=20) as client:
            while not self._ends.is_set():
                sent = time.monotonic()
                answer = client.post(f"{self._gateway.base_url}/v1/chat/completions", json=body("chaos/ok"))
                local = answer.headers.get("x-gateway-limits") == "local"
                self.asked.append(Asked(sent, time.monotonic(), answer.status_code, local))


def admitted_in(asked: list[Asked], begin: float, seconds: float = 1.0) -> tuple[int, int]:
    """How many were certainly admitted in a window, and how many perhaps."""
    end = begin + seconds
    good = [one for one in asked if one.status == 200]
    return sum(one.sent >= begin and one.heard <= end for one in good), sum(
        one.heard >= begin and one.sent <= end for one in good
    )


def starts(asked: list[Asked]) -> list[float]:
    """Where windows may begin that were asked in all the time."""
    first, last = min(one.sent for one in asked) + 0.2, max(one.heard for one in asked) - 1.2
    return [moment for one in asked for moment in (one.sent, one.heard) if first <= moment <= last]


def longest_pause(asked: list[Asked]) -> float:
    """The longest time in which perhaps nothing was decided, because nobody was asking or the machine was too busy: what the
    limit had to give then was given that much later. Seconds."""
    by_sent = sorted(asked, key=lambda one: one.sent)
    heard_after: list[tuple[float, float]] = []  # sent, and the first answer of what was sent from then on
    first = float("inf")
    for one in reversed(by_sent):
        first = min(first, one.heard)
        heard_after.append((one.sent, first))
    heard_after.reverse()
    sent = [moment for moment, _ in heard_after]
    ends = [(one.heard, bisect_left(sent, one.heard)) for one in asked]
    return max(heard_after[place][1] - moment for moment, place in ends if place < len(sent))


def asked_for_more(gateway: LiveGateway, algorithm: str) -> list[Asked]:
    """What was asked of a limit in a while. Where the machine was too busy for the store to answer a worker in time, which then
    goes by its share and says so, all is asked again of another limit."""
    for _ in range(TRIES):
        key = limited(gateway, "requests", algorithm)
        with Load(gateway, key) as load:
            time.sleep(LASTS_S)
        if not any(one.local for one in load.asked) and longest_pause(load.asked) < BUSY_S:
            return load.asked
    raise AssertionError(f"a worker counted alone, or nobody was answered for {BUSY_S} s, in each of {TRIES} tries")


def test_sliding_window_when_four_workers_are_asked_for_more_then_every_window_has_98_to_100_percent(site: Site) -> None:
    asked = asked_for_more(site.gateway, "sliding_window")
    assert {one.status for one in asked} == {200, 429}
    begins, asked_late = starts(asked), longest_pause(asked)
    assert len(begins) > 100
    assert max(admitted_in(asked, begin)[0] for begin in begins) <= MOST
    assert min(admitted_in(asked, begin, 1.0 + asked_late)[1] for begin in begins) >= 0.98 * MOST


def test_fixed_window_when_four_workers_are_asked_for_more_then_each_second_has_all_of_it(site: Site) -> None:
    ahead = time.time() - time.monotonic()
    asked = asked_for_more(site.gateway, "fixed_window")
    seconds = sorted({int(moment + ahead) for moment in starts(asked)})[1:-1]
    assert len(seconds) >= 2
    for second in seconds:
        certainly, perhaps = admitted_in(asked, second - ahead)
        assert certainly <= MOST
        assert perhaps >= 0.98 * MOST


def test_token_bucket_when_four_workers_are_asked_for_more_then_they_have_what_flows_in(site: Site) -> None:
    asked, seconds = asked_for_more(site.gateway, "token_bucket"), 2.0
    begins, asked_late = [begin for begin in starts(asked) if begin < asked[-1].heard - seconds - 0.2], longest_pause(asked)
    assert len(begins) > 100
    assert max(admitted_in(asked, begin, seconds)[0] for begin in begins) <= MOST * (1 + seconds)
    assert min(admitted_in(asked, begin, seconds + asked_late)[1] for begin in begins) >= 0.98 * MOST * seconds


def test_concurrent_when_a_worker_is_killed_then_its_places_are_given_back(site: Site) -> None:
    gateway = site.gateway
    key = limited(gateway, "concurrent", "sliding_window", 3)
    hanging = [threading.Thread(target=_hang, args=(gateway, key)) for _ in range(3)]
    for thread in hanging:
        thread.start()
    assert eventually(lambda: ask(gateway, key).status_code == 429, 10, 0.05)
    for pid in workers_of(gateway):
        os.kill(pid, signal.SIGKILL)
    for thread in hanging:
        thread.join(30)
    assert eventually(lambda: _served(gateway, key), 40, 0.25)
    gateway.check("worker died")


def test_limits_when_redis_is_killed_then_each_worker_admits_its_share_until_it_is_back(on_redis: Site) -> None:
    gateway, redis = on_redis
    assert redis is not None
    key = limited(gateway, "requests", "sliding_window")
    with Load(gateway, key) as load:
        time.sleep(1.5)
        redis.stop()
        away = time.monotonic()
        time.sleep(LASTS_S)
        back = time.monotonic()
        redis.start()
        assert eventually(lambda: not any(one.local for one in load.asked[-20:]), 20, 0.1)
    assert {one.status for one in load.asked} == {200, 429}
    assert max(one.heard - one.sent for one in load.asked) < SLOWEST_S
    assert sum(one.heard - one.sent > SLOW_S for one in load.asked) <= SLOW_CALLS * WORKERS
    meanwhile = [one for one in load.asked if away + 1.2 < one.sent and one.heard < back]
    assert all(one.local for one in meanwhile)
    found = [admitted_in(load.asked, begin) for begin in starts(meanwhile)]
    assert max(certainly for certainly, _ in found) <= MOST
    assert any(one.status == 200 for one in meanwhile)
    assert eventually(lambda: "signalbox_limits_local 0" in gateway.http.get("/metrics").text, 10, 0.2)


def _hang(gateway: LiveGateway, key: str) -> None:
    """Holds a place until the worker is gone; again, if one of the quick requests has had the place just then."""
    try:
        while ask(gateway, key, "chaos/hang", timeout=30).status_code == 429:
            time.sleep(0.05)
    except httpx.HTTPError:
        return


def _served(gateway: LiveGateway, key: str) -> bool:
    try:
        return ask(gateway, key).status_code == 200
    except httpx.HTTPError:
        return False


def workers_of(gateway: LiveGateway) -> list[int]:
    """The processes that serve: children of the server that have its listening socket."""
    children = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
