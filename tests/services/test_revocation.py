"""Are keys refused in all workers on PostgreSQL within five seconds though nobody is told of it, and do their streams end?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body
from tests.services.conftest import database

pytestmark = pytest.mark.alone  # it measures time

ENDLESS = "stream-stall-after-3"
REFUSED_WITHIN_S = 5.0
SILENCED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"


@pytest.fixture(scope="module")
def site(
    postgres_url: str, migrated_postgres: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveGateway, str]]:
    with database(postgres_url, migrated_postgres) as url:
        directory = tmp_path_factory.mktemp("revocation")
        with LiveGateway(directory, shared_chaos, workers=2, template=None, DATABASE_URL=url) as gateway:
            gateway.define("ok", ENDLESS)
            tenant = gateway.operator.create("models_catalog.Tenant", name="acme")
            gateway.operator.create("models_catalog.Project", name="shop", tenant_id=tenant)
            gateway.operator.create("models_catalog.Person", name="ann", tenant_id=tenant)
            yield gateway, url


def silence(url: str) -> int:
    """Cuts the connections on which workers hear of changes; how many there were."""
    with psycopg.connect(url, autocommit=True) as connection:
        return len(connection.execute(SILENCED).fetchall())


OWNERS = {
    "key": ("ClientKey", "owned"),
    "person": ("Person", "ann"),
    "project": ("Project", "shop"),
    "tenant": ("Tenant", "acme"),
}


@pytest.mark.parametrize("ended", OWNERS)
def test_key_when_it_or_its_owner_is_switched_off_while_nobody_is_told_is_refused_by_all_workers_and_its_stream_ends(
    ended: str, site: tuple[LiveGateway, str]
) -> None:
    gateway, url = site
    made = gateway.create_key("owned", "--project", "acme/shop", "--person", "ann", "--ends-streams")
    gateway.wait_visible(key=made["key"])
    heard: list[str] = []
    begun = threading.Event()

    def listen() -> None:
        sent = body(f"chaos/{ENDLESS}", stream=True)
        address = f"{gateway.base_url}/v1/chat/completions"
        with httpx.stream(
            "POST", address, json=sent, headers=gateway.headers(made["key"]), trust_env=False, timeout=20
        ) as answer:
            for text in answer.iter_text():
                heard.append(text)
                begun.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert begun.wait(10)
    assert silence(url) == 2
    table, name = OWNERS[ended]
    gateway.operator.update(table, {"name": name}, {"enabled": False})
    began = time.monotonic()
    assert eventually(lambda: all(gateway.listed(made["key"]) is None for _ in range(16)), REFUSED_WITHIN_S, 0.05)
    listener.join(REFUSED_WITHIN_S)
    assert time.monotonic() - began < REFUSED_WITHIN_S
    assert '"code":"invalid_api_key"' in "".join(heard)
    assert gateway.listed() is not None
    gateway.operator.update(table, {"name": name}, {"enabled": True})
    gateway.operator.delete("ClientKey", {"name": "owned"})
    assert eventually(lambda: silence_is_over(url), 15, 0.2)


def silence_is_over(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
        ).fetchone()
    return found is not None and found[0] == 2
