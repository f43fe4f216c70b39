"""Which databases do the tests with real servers work on? On fresh ones, made for each test and dropped after it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.live import environment, migrate
from tests.live_operator import Operator
from tests.services.follower import Follower
from tests.services.proxy import Proxy

StartFollower = Callable[..., Follower]


def replaced(url: str, *, host: str | None = None, port: int | None = None, path: str | None = None) -> str:
    """The URL with another host, port or path."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    address = f"{host or parts.hostname}:{port or parts.port}"
    return parts._replace(netloc=f"{user}@{address}" if user else address, path=path or parts.path).geturl()


@contextmanager
def database(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database on that server."""
    name = f"signalbox_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield replaced(server, path=f"/{name}")
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with the tables, to be copied."""
    with database(postgres_url) as url:
        migrate(environment(tmp_path_factory.mktemp("postgres"), DATABASE_URL=url))
        yield urlsplit(url).path[1:]


@pytest.fixture
def postgres(postgres_url: str, migrated_postgres: str) -> Iterator[str]:
    """The URL of an empty catalog on PostgreSQL."""
    with database(postgres_url, migrated_postgres) as url:
        yield url


@pytest.fixture
def postgres_proxy(postgres: str) -> Iterator[Proxy]:
    parts = urlsplit(postgres)
    with Proxy(parts.hostname or "", parts.port or 5432) as proxy:
        yield proxy


@pytest.fixture
def redis_proxy(redis_url: str) -> Iterator[Proxy]:
    parts = urlsplit(redis_url)
    with Proxy(parts.hostname or "", parts.port or 6379) as proxy:
        yield proxy


@pytest.fixture
def sqlite_env(data_template: Path, tmp_path: Path) -> Mapping[str, str]:
    """An environment with an empty catalog on SQLite."""
    directory = tmp_path / "data"
    directory.mkdir()
    (directory / "gateway.sqlite3").write_bytes((data_template / "gateway.sqlite3").read_bytes())
    return environment(directory)


@pytest.fixture
def postgres_env(postgres: str, tmp_path: Path) -> Mapping[str, str]:
    return environment(tmp_path, DATABASE_URL=postgres)


@pytest.fixture
def operate() -> Iterator[Callable[[Mapping[str, str]], Operator]]:
    """Starts a process that edits the catalog of an environment."""
    operators: list[Operator] = []

    def start(env: Mapping[str, str]) -> Operator:
        operators.append(Operator(env))
        return operators[-1]

    yield start
    for operator in operators:
        operator.close()


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[StartFollower]:
    """Starts a process that serves the catalog of an environment: `follow(env, poll_interval_s=60)`."""
    with ExitStack() as running:

        def start(env: Mapping[str, str], *, poll_interval_s: float = 0.5) -> Follower:
            log = tmp_path / f"follower-{uuid.uuid4().hex[:8]}.log"
            return running.enter_context(Follower(env, log, poll_interval_s=poll_interval_s))

        yield start
