"""Does the same gateway run on PostgreSQL, and with Redis for its hints, and are edits then seen sooner than by asking?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, environment, migrate, words
from tests.live_fixtures import StartGateway

MODELS = ("ok", "stream-cut-after-2")
EDITS = 8
PUSHED_WITHIN_S = 0.3


@pytest.fixture(scope="module")
def database_url(postgres_url: str, worker_id: str) -> Iterator[str]:
    """A fresh database, dropped afterwards."""
    name = f"signalbox_live_{worker_id}_{time.time_ns()}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def on_postgres(database_url: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    directory: Path = tmp_path_factory.mktemp("postgres")
    migrate(environment(directory, DATABASE_URL=database_url))
    with LiveGateway(directory, shared_chaos, workers=2, DATABASE_URL=database_url) as gateway:
        gateway.define(*MODELS)
        yield gateway


@pytest.fixture(scope="module")
def on_redis(redis_url: str, start_gateway: StartGateway) -> LiveGateway:
    gateway = start_gateway(REDIS_URL=redis_url)
    gateway.define(*MODELS)
    return gateway


@pytest.fixture(params=["postgres", "redis"])
def pushed(request: pytest.FixtureRequest, chaos: Chaos) -> Iterator[LiveGateway]:
    """A gateway whose database, or whose Redis, tells it of changes."""
    marks = {"postgres": "on_postgres", "redis": "on_redis"}
    gateway: LiveGateway = request.getfixturevalue(marks[request.param])
    yield gateway
    gateway.check()


def test_gateway_when_pushed_serves_chats_and_streams(pushed: LiveGateway) -> None:
    assert pushed.chat("chaos/ok").json()["model"] == "chaos/ok"
    assert words(pushed.chat("chaos/ok", stream=True)) == "Hello from chaos."
    assert "upstream_stream_truncated" in pushed.chat("chaos/stream-cut-after-2", stream=True).text


def test_edits_when_pushed_are_seen_sooner_than_by_asking(pushed: LiveGateway) -> None:
    late = 0
    for number in range(EDITS):
        upstream = ("ok", "slow-1ms")[number % 2]
        pushed.operator.update("Route", {"model__name": "chaos/ok"}, {"upstream_model": upstream})
        late += not eventually(lambda upstream=upstream: last_asked(pushed) == upstream, PUSHED_WITHIN_S)
    assert late <= 1


def last_asked(gateway: LiveGateway) -> str:
    gateway.chat("chaos/ok")
    return str(gateway.chaos.log()[-1]["model"])


def test_key_when_revoked_is_refused_by_both_workers_on_postgres(on_postgres: LiveGateway) -> None:
    made = on_postgres.create_key("revoked")
    on_postgres.wait_visible("chaos/ok", key=made["key"])
    on_postgres.operator.command("revoke_api_key", made["id"])
    assert eventually(lambda: all(on_postgres.listed(made["key"]) is None for _ in range(12)), 1.0)


def test_model_when_tested_twice_then_its_outcome_is_replaced_and_no_version_raised(pushed: LiveGateway) -> None:
    version = pushed.operator.rows("CatalogVersion", {})
    for _ in range(2):
        pushed.operator.command("test_model", "chaos/ok")
    checks = pushed.operator.rows("RouteCheck", {"route__model__name": "chaos/ok"})
    assert [(row["capability"], row["outcome"]) for row in checks] == [("chat", "ok")]
    assert pushed.operator.rows("CatalogVersion", {}) == version
