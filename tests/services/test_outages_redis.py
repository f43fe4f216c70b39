"""Does a Redis that is stopped, frozen or slow cost more than the speed of its hints?"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests import needs
from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway
from tests.live_fixtures import StartGateway
from tests.services.own_redis import OwnRedis
from tests.services.proxy import Proxy
from tests.services.traffic import Traffic

POLLED_WITHIN_S = 3.0
"""1 second in peace; 5 are promised."""
SLOWEST_S = 3.0


class Site:
    """A gateway on SQLite that gets its hints from a Redis behind a proxy."""

    def __init__(self, gateway: LiveGateway, redis: OwnRedis, proxy: Proxy) -> None:
        self.gateway = gateway
        self.redis = redis
        self.proxy = proxy


@pytest.fixture(scope="module")
def site(start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    redis = OwnRedis(tmp_path_factory.mktemp("redis"))
    with Proxy("127.0.0.1", redis.port) as proxy:
        gateway = start_gateway(REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0")
        gateway.define("ok", "slow-1ms")
        yield Site(gateway, redis, proxy)
        assert gateway.stop() == 0
    redis.stop()


@contextmanager
def stopped(site: Site) -> Iterator[None]:
    site.redis.stop()
    yield
    site.redis.start()


@contextmanager
def frozen(site: Site) -> Iterator[None]:
    site.redis.freeze()
    yield
    site.redis.thaw()


@contextmanager
def slow(site: Site) -> Iterator[None]:
    site.proxy.delay_s = 0.3
    yield
    site.proxy.delay_s = 0.0


@contextmanager
def cut(site: Site) -> Iterator[None]:
    site.proxy.cut()
    yield
    site.proxy.restore()


@pytest.mark.parametrize("outage", [stopped, frozen, slow, cut], ids=lambda outage: outage.__name__)
def test_redis_when_away_then_no_request_fails_and_edits_arrive(
    site: Site, outage: Callable[[Site], AbstractContextManager[None]]
) -> None:
    with Traffic(site.gateway, f"redis-{time.time_ns()}") as traffic:
        with outage(site):
            for upstream in ("slow-1ms", "ok"):
                edit(site.gateway, upstream)
        edit(site.gateway, "slow-1ms")
        edit(site.gateway, "ok")
    assert traffic.statuses() == {200}
    assert traffic.slowest_s() < SLOWEST_S
    site.gateway.check()
    told = site.gateway.settled_log()
    assert "catalog hints failed" not in told or told.count("catalog_hints_failing") <= 4


def edit(gateway: LiveGateway, upstream: str) -> None:
    """Changes the catalog from another process, and waits until a worker serves it."""
    gateway.operator.update("Route", {"model__name": "chaos/ok"}, {"upstream_model": upstream})
    gateway.chaos.reset()
    assert eventually(lambda: gateway.chaos.log(upstream), POLLED_WITHIN_S, 0.02)
