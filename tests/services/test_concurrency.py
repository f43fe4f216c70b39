"""Does the catalog stay whole when several processes write, compile and rotate keys at the same time?"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing

import psycopg
import pytest

from tests.live_operator import Operator
from tests.services import jobs

Operate = Callable[[Mapping[str, str]], Operator]
OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))
NEW_ID = hashlib.sha256(base64.b64decode(NEW)).hexdigest()[:8]
SECRETS = 300


@pytest.fixture(params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """An environment with an empty catalog, once on each kind of database."""
    found: Mapping[str, str] = request.getfixturevalue(f"{request.param}_env")
    return found


@pytest.fixture
def rotating(env: Mapping[str, str]) -> Mapping[str, str]:
    """An environment whose secrets are all under the old key, while the new one is active."""
    assert jobs.result(jobs.start({**env, "GATEWAY_ENCRYPTION_KEYS": OLD}, "store", SECRETS)) == SECRETS
    return {**env, "GATEWAY_ENCRYPTION_KEYS": f"{NEW},{OLD}"}


def test_version_when_many_write_the_same_rows_then_every_commit_counts_and_none_is_a_deadlock(
    env: Mapping[str, str], operate: Operate
) -> None:
    operator = operate(env)
    operator.define([{"name": "a", "type": "dummy"}, {"name": "b", "type": "dummy"}], [])
    before = jobs.result(jobs.start(env, "write", 0, 0))["version"]
    running = [jobs.start(env, "write", 4, 10) for _ in range(2)]
    assert [jobs.result(process)["errors"] for process in running] == [[], []]
    assert jobs.result(jobs.start(env, "write", 0, 0))["version"] == before + 80


def test_compile_when_rows_change_meanwhile_then_snapshot_is_of_one_version(env: Mapping[str, str], operate: Operate) -> None:
    route = [{"provider": "a"}]
    models = [{"name": name, "routes": route} for name in ("a-0", "b-0")]
    for model in models:
        operate(env).define([{"name": "a", "type": "dummy"}], [{**model, "routes": [dict(route[0])]}])
    found = jobs.result(jobs.start(env, "compile_while_renaming", 60))
    assert (found["errors"], found["torn"]) == ([], [])
    assert found["seen"] > 3


def test_rotate_when_two_processes_do_it_then_each_secret_is_moved_once(rotating: Mapping[str, str]) -> None:
    running = [jobs.start(rotating, "rotate", 20) for _ in range(2)]
    found = [jobs.result(process) for process in running]
    assert sum(each["moved"] for each in found) == SECRETS
    assert [each["failed"] for each in found] == [{}, {}]
    assert revealed(rotating) == expected()


def test_rotate_when_killed_then_nothing_is_lost_and_the_next_run_completes_it(rotating: Mapping[str, str]) -> None:
    for share in (50, 150):
        with jobs.start(rotating, "rotate", 1) as process:
            while moved(rotating) < share:
                assert process.poll() is None
                time.sleep(0.002)
            process.kill()
    assert 150 <= moved(rotating) < SECRETS
    assert jobs.result(jobs.start(rotating, "rotate", 50))["failed"] == {}
    assert revealed(rotating) == expected()


def test_rotate_when_a_row_is_locked_then_says_so_and_does_the_others(postgres: str, postgres_env: Mapping[str, str]) -> None:
    env = {**postgres_env, "GATEWAY_ENCRYPTION_KEYS": OLD}
    jobs.result(jobs.start(env, "store", 5))
    env["GATEWAY_ENCRYPTION_KEYS"] = f"{NEW},{OLD}"
    with psycopg.connect(postgres) as connection:
        connection.execute("SELECT 1 FROM models_catalog_credential WHERE name = 'c3' FOR UPDATE")
        assert jobs.result(jobs.start(env, "rotate", 2)) == {"moved": 4, "failed": {}, "locked": 1}
    assert jobs.result(jobs.start(env, "rotate", 2)) == {"moved": 1, "failed": {}, "locked": 0}


def moved(env: Mapping[str, str]) -> int:
    """How many secrets are under the new key."""
    query = f"SELECT count(*) FROM models_catalog_credential WHERE secret LIKE 'v1.{NEW_ID}.%'"
    if url := env.get("DATABASE_URL"):
        with psycopg.connect(url) as connection:
            row = connection.execute(query).fetchone()
    else:
        with closing(sqlite3.connect(f"{env['GATEWAY_DATA_DIR']}/gateway.sqlite3", timeout=20)) as file:
            row = file.execute(query).fetchone()
    return int(row[0]) if row else 0


def revealed(env: Mapping[str, str]) -> list[str]:
    found: list[str] = jobs.result(jobs.start(env, "reveal"))
    return found


def expected() -> list[str]:
    return sorted(f"{NEW_ID} secret-{number}" for number in range(SECRETS))
