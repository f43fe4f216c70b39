"""Does an edit reach other processes within a second, pushed or polled, and also after its servers were away?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import psycopg
import pytest

from tests.live_operator import Operator
from tests.services.conftest import StartFollower, replaced
from tests.services.follower import Follower
from tests.services.proxy import Proxy

pytestmark = pytest.mark.alone  # it measures time

NEVER_S = 600.0
WITHIN_S = 1.0
Operate = Callable[[Mapping[str, str]], Operator]

DUMMY = {"name": "dummy", "type": "dummy"}


def define(operator: Operator, name: str) -> float:
    """Adds a model; the moment at which it was committed."""
    operator.define([DUMMY], [{"name": name, "routes": [{"provider": "dummy"}]}])
    return time.monotonic()


def elsewhere(url: str, name: str) -> float:
    """Renames all models without a hint; the moment at which it was committed."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE models_catalog_catalogversion SET version = version + 1")
        connection.execute("UPDATE models_catalog_modeldefinition SET name = %s", [name])
    return time.monotonic()


def served(follower: Follower, operator: Operator, name: str) -> float:
    """Seconds from the commit of a new model to its being served."""
    committed = define(operator, name)
    return follower.wait_for_model(name) - committed


def test_edit_when_on_sqlite_then_other_process_serves_it_within_a_second(
    sqlite_env: Mapping[str, str], follow: StartFollower, operate: Operate
) -> None:
    followers = [follow(sqlite_env), follow(sqlite_env)]
    operator = operate(sqlite_env)
    for name in ("one", "two", "three"):
        committed = define(operator, name)
        assert max(follower.wait_for_model(name) for follower in followers) - committed < WITHIN_S


def test_edit_when_postgres_notifies_then_other_process_serves_it_within_a_second(
    postgres_env: Mapping[str, str], follow: StartFollower, operate: Operate
) -> None:
    follower, operator = follow(postgres_env, poll_interval_s=NEVER_S), operate(postgres_env)
    define(operator, "first")
    follower.wait_for_model("first")
    for name in ("one", "two", "three"):
        assert served(follower, operator, name) < WITHIN_S


def test_edit_when_postgres_hint_is_lost_then_poll_finds_it_within_a_second(
    postgres: str, postgres_env: Mapping[str, str], follow: StartFollower, operate: Operate
) -> None:
    follower, operator = follow(postgres_env), operate(postgres_env)
    define(operator, "first")
    follower.wait_for_model("first")
    for name in ("one", "two"):
        committed = elsewhere(postgres, name)
        assert follower.wait_for_model(name) - committed < WITHIN_S


def test_edit_when_listener_was_cut_off_then_it_listens_again_and_misses_nothing(
    postgres: str, postgres_env: Mapping[str, str], follow: StartFollower, operate: Operate
) -> None:
    follower, operator = follow(postgres_env, poll_interval_s=NEVER_S), operate(postgres_env)
    define(operator, "first")
    follower.wait_for_model("first")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'")
    define(operator, "meanwhile")
    follower.wait_for_model("meanwhile", within=5)
    assert served(follower, operator, "later") < WITHIN_S
    follower.wait_logged("catalog hints failed")
    assert follower.log_text().count("catalog hints failed") == 1


def test_edit_when_transaction_is_rolled_back_then_no_one_reloads(
    postgres: str, postgres_env: Mapping[str, str], follow: StartFollower, operate: Operate
) -> None:
    follower, operator = follow(postgres_env), operate(postgres_env)
    define(operator, "first")
    follower.wait_for_model("first")
    with psycopg.connect(postgres) as connection:
        connection.execute("UPDATE models_catalog_catalogversion SET version = version + 1")
        connection.execute("NOTIFY gateway_catalog")
        connection.rollback()
    time.sleep(1)
    assert len([change for change in follower.seen if "first" in change["models"]]) == 1


def test_database_when_down_at_start_then_catalog_is_loaded_once_it_is_back(
    postgres: str, postgres_env: Mapping[str, str], postgres_proxy: Proxy, follow: StartFollower, operate: Operate
) -> None:
    define(operate(postgres_env), "first")
    env = {**postgres_env, "DATABASE_URL": replaced(postgres, port=postgres_proxy.port)}
    postgres_proxy.cut()
    follower = follow(env)
    follower.wait_logged("catalog refresh failed")
    time.sleep(1.5)
    assert follower.seen == []
    postgres_proxy.restore()
    follower.wait_for_model("first", within=5)
    assert follower.log_text().count("catalog refresh failed") == 1
    follower.wait_logged("catalog refresh recovered")  # a moment after it serves the model
    assert follower.log_text().count("catalog refresh recovered") == 1


@pytest.mark.parametrize("fault", ["cut", "freeze"])
def test_database_when_gone_for_a_while_then_last_catalog_stays_and_loop_runs_and_it_recovers(
    fault: str, postgres: str, postgres_env: Mapping[str, str], postgres_proxy: Proxy, follow: StartFollower, operate: Operate
) -> None:
    operator = operate(postgres_env)
    define(operator, "first")
    follower = follow({**postgres_env, "DATABASE_URL": replaced(postgres, port=postgres_proxy.port)})
    follower.wait_for_model("first")
    {"cut": postgres_proxy.cut, "freeze": postgres_proxy.freeze}[fault]()
    define(operator, "meanwhile")
    time.sleep(1.5)
    assert follower.seen[-1]["models"] == ["first"]
    {"cut": postgres_proxy.restore, "freeze": postgres_proxy.thaw}[fault]()
    restored = time.monotonic()
    assert follower.wait_for_model("meanwhile") - restored < 5
    assert follower.seen[-1]["held"] < 0.5
    assert served(follower, operator, "later") < WITHIN_S


def test_edit_when_redis_publishes_then_other_process_serves_it_within_a_second(
    sqlite_env: Mapping[str, str], redis_url: str, follow: StartFollower, operate: Operate
) -> None:
    env = {**sqlite_env, "REDIS_URL": redis_url}
    follower, operator = follow(env, poll_interval_s=NEVER_S), operate(env)
    define(operator, "first")
    follower.wait_for_model("first")
    for name in ("one", "two", "three"):
        assert served(follower, operator, name) < WITHIN_S


def test_edit_when_redis_is_down_then_write_is_kept_and_poll_finds_it_within_a_second(
    sqlite_env: Mapping[str, str], redis_url: str, redis_proxy: Proxy, follow: StartFollower, operate: Operate
) -> None:
    env = {**sqlite_env, "REDIS_URL": replaced(redis_url, port=redis_proxy.port)}
    redis_proxy.cut()
    follower, operator = follow(env), operate(env)
    for name in ("one", "two"):
        assert served(follower, operator, name) < WITHIN_S
    follower.wait_logged("catalog hints failed")
    assert follower.log_text().count("catalog hints failed") == 1


def test_edit_when_redis_does_not_answer_then_write_waits_half_a_second_only(
    sqlite_env: Mapping[str, str], redis_url: str, redis_proxy: Proxy, follow: StartFollower, operate: Operate
) -> None:
    env = {**sqlite_env, "REDIS_URL": replaced(redis_url, port=redis_proxy.port)}
    follower, operator = follow(env), operate(env)
    define(operator, "first")
    redis_proxy.freeze()
    started = time.monotonic()
    assert define(operator, "one") - started < 1.5
    assert follower.wait_for_model("one") - started < 1.5


def test_edit_when_redis_was_away_then_it_is_heard_again_and_nothing_is_missed(
    sqlite_env: Mapping[str, str], redis_url: str, redis_proxy: Proxy, follow: StartFollower, operate: Operate
) -> None:
    env = {**sqlite_env, "REDIS_URL": replaced(redis_url, port=redis_proxy.port)}
    follower, operator = follow(env, poll_interval_s=NEVER_S), operate(env)
    define(operator, "first")
    follower.wait_for_model("first")
    served(follower, operator, "heard")  # the first may have been loaded at the start, before there was anything to cut
    redis_proxy.cut()
    define(operator, "meanwhile")
    redis_proxy.restore()
    follower.wait_for_model("meanwhile", within=5)
    assert served(follower, operator, "later") < WITHIN_S
