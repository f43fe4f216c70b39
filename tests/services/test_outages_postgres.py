"""What becomes of requests and their rows while PostgreSQL is cut off, frozen or slow, and when it is back?"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway
from tests.services.conftest import database, replaced
from tests.services.proxy import Proxy
from tests.services.traffic import Traffic, assert_each_once, rows_in

BACK_WITHIN_S = 10.0
"""5 seconds in peace."""
NOTICED_WITHIN_S = 8.0
SESSION = {"signalbox_session": "0123456789abcdefghijklmnopqrstuv"}
DRAIN_S = 1.0
EXIT_WITHIN_S = DRAIN_S + 5.0
OUTAGES = 6
TOLD = (
    "usage rows cannot be written",
    "catalog refresh failed",
    "response store unavailable",
    "ledger store unavailable",
    "usage store unavailable",
)
"""Once for each worker and outage."""
TOLD_TOO = (
    "Service Unavailable: /admin/",
    "Internal Server Error: /admin/",  # a page that hung when the server ended
    "the database rejects usage rows",
    "timeout graceful shutdown exceeded",  # the page that hangs when the server ends
    "Exception in ASGI application",
)


class Site:
    """A gateway with two workers, whose way to its database can be disturbed; `url` is the direct way."""

    def __init__(self, gateway: LiveGateway, proxy: Proxy, url: str, data_dir: Path) -> None:
        self.gateway = gateway
        self.proxy = proxy
        self.url = url
        self._spool = data_dir / "spool"

    def spooled(self) -> int:
        """Bytes of rows that wait on disk."""
        return sum(path.stat().st_size for path in self._spool.glob("*.jsonl"))

    def unknown_key(self) -> int:
        """What a caller is told whose key the gateway does not know."""
        headers = {"authorization": "Bearer sk-unknown-to-the-gateway-0123456789"}
        answer = httpx.get(f"{self.gateway.base_url}/v1/models", headers=headers, trust_env=False, timeout=5)
        assert ("retry-after" in answer.headers) == (answer.status_code == 503)
        return answer.status_code

    def told_to_wait(self) -> bool:
        return all(self.unknown_key() == 503 for _ in range(8))

    def known_again(self) -> bool:
        return all(self.unknown_key() == 401 for _ in range(8))

    def admin_status(self) -> int:
        """What the admin answers to somebody with a session, which is in the database."""
        return httpx.get(f"{self.gateway.base_url}/admin/", cookies=SESSION, trust_env=False, timeout=10).status_code


@pytest.fixture(scope="module")
def site(
    postgres_url: str, migrated_postgres: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("outages")
    parts = httpx.URL(postgres_url)
    with database(postgres_url, migrated_postgres) as url, Proxy(parts.host, parts.port or 5432) as proxy:
        through = replaced(url, host="127.0.0.1", port=proxy.port)
        variables = {"DATABASE_URL": through, "GATEWAY_DRAIN_S": str(DRAIN_S), "LOG_LEVEL": "info"}
        with LiveGateway(directory, shared_chaos, workers=2, template=None, **variables) as gateway:
            gateway.define("ok")
            yield Site(gateway, proxy, url, directory)
            check_log(gateway)


def check_log(gateway: LiveGateway) -> None:
    """The log tells the outages and nothing else, is not flooded by them, and holds no key."""
    log = gateway.settled_log()
    lines = [line for line in log.splitlines() if '"level": "error"' in line]
    assert [line for line in lines if not any(error in line for error in TOLD + TOLD_TOO)] == []
    for error in TOLD:
        assert sum(error in line for line in lines) <= 2 * OUTAGES
    assert gateway.key not in log
    gateway._checked = gateway.log_path.stat().st_size  # the gateway's own check expects no error


@contextmanager
def cut(proxy: Proxy) -> Iterator[None]:
    proxy.cut()
    yield
    proxy.restore()


@contextmanager
def frozen(proxy: Proxy) -> Iterator[None]:
    proxy.freeze()
    yield
    proxy.thaw()


Outage = Callable[[Proxy], AbstractContextManager[None]]


@pytest.mark.parametrize("outage", [cut, frozen], ids=["cut", "frozen"])
def test_database_when_away_then_known_keys_are_served_and_no_row_is_lost(site: Site, outage: Outage) -> None:
    prefix = f"away-{time.time_ns()}"
    with Traffic(site.gateway, prefix) as traffic:
        time.sleep(0.3)
        with outage(site.proxy):
            assert eventually(site.told_to_wait, NOTICED_WITHIN_S, 0.1)
            assert eventually(lambda: site.spooled() > 0, NOTICED_WITHIN_S, 0.1)
            assert site.admin_status() == 503
            assert site.told_to_wait()
        assert eventually(site.known_again, BACK_WITHIN_S, 0.1)
    assert traffic.statuses() == {200}
    assert len(traffic.asked) > 50
    assert_each_once(site.url, prefix, traffic.ids(), BACK_WITHIN_S)
    assert eventually(lambda: site.spooled() == 0, BACK_WITHIN_S)


def test_database_when_it_was_away_unnoticed_then_the_next_rows_are_written_at_once(site: Site) -> None:
    prefix = f"unnoticed-{time.time_ns()}"
    with Traffic(site.gateway, f"{prefix}-before") as before:
        time.sleep(0.5)
    assert_each_once(site.url, f"{prefix}-before", before.ids(), BACK_WITHIN_S)  # every worker has a connection
    seen = site.gateway.log_path.stat().st_size
    with cut(site.proxy):
        pass
    with Traffic(site.gateway, f"{prefix}-after") as after:
        time.sleep(0.5)
    assert_each_once(site.url, f"{prefix}-after", after.ids(), BACK_WITHIN_S)
    assert "usage rows" not in site.gateway.settled_log(seen)


def test_database_when_slow_then_requests_are_not_and_no_row_is_lost(site: Site) -> None:
    prefix = f"slow-{time.time_ns()}"
    with Traffic(site.gateway, prefix) as traffic:
        site.proxy.delay_s = 0.4
        time.sleep(2.5)
        site.proxy.delay_s = 0.0
    assert traffic.statuses() == {200}
    assert_each_once(site.url, prefix, traffic.ids(), BACK_WITHIN_S)


def test_row_when_refused_by_the_database_then_the_others_are_written(site: Site) -> None:
    prefix = f"refused-{time.time_ns()}"
    bad = f"{prefix}-1-3"
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE openai_api_usagerecord ADD CONSTRAINT no_bad CHECK (request_id <> '{bad}')")
    with Traffic(site.gateway, prefix) as traffic:
        time.sleep(1)
    assert_each_once(site.url, prefix, traffic.ids() - {bad}, BACK_WITHIN_S)
    assert bad in traffic.ids()
    assert site.spooled() == 0
    assert eventually(lambda: counted(site, "records_dropped_total") == 1, 5)
    site.gateway.wait_logged(bad)
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute("ALTER TABLE openai_api_usagerecord DROP CONSTRAINT no_bad")


def counted(site: Site, name: str) -> float:
    """A value of the metrics page."""
    page = httpx.get(f"{site.gateway.base_url}/metrics", trust_env=False).text
    return sum(float(line.split()[-1]) for line in page.splitlines() if line.startswith(f"signalbox_{name}"))


def test_server_when_ended_while_its_database_is_frozen_then_it_ends_in_time_and_keeps_every_row(site: Site) -> None:
    prefix = f"ended-{time.time_ns()}"
    with Traffic(site.gateway, prefix) as traffic, ThreadPoolExecutor(1) as pool:
        time.sleep(0.5)
        with frozen(site.proxy):
            time.sleep(0.5)
            visitor = pool.submit(httpx.get, f"{site.gateway.base_url}/admin/", cookies=SESSION, trust_env=False, timeout=30)
            time.sleep(0.2)
            ended = time.monotonic()
            site.gateway.process.send_signal(signal.SIGTERM)
            assert site.gateway.process.wait(30) == 0
            assert time.monotonic() - ended < EXIT_WITHIN_S
    assert visitor.exception() or visitor.result().status_code >= 500
    assert site.spooled() > 0
    missing = traffic.ids() - set(rows_in(site.url, prefix))
    assert missing
    site.gateway.restart()
    assert_each_once(site.url, prefix, traffic.ids(), BACK_WITHIN_S)


def test_server_when_started_while_its_database_is_away_then_it_waits_and_becomes_ready(site: Site) -> None:
    assert site.gateway.stop() == 0
    with cut(site.proxy):
        site.gateway.start()
        assert eventually(lambda: readiness(site) == 503, 20, 0.1)
        assert site.gateway.listed() is None
    assert eventually(lambda: readiness(site) == 200, BACK_WITHIN_S, 0.05)
    site.gateway.wait_visible("chaos/ok")


def readiness(site: Site) -> int:
    try:
        return httpx.get(f"{site.gateway.base_url}/readyz", trust_env=False, timeout=15).status_code
    except httpx.TransportError:
        return 0
