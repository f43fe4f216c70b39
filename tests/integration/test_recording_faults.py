"""Has every request its row when workers are ended or killed, and when another process holds the database?"""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.integration.test_workers import recorders, workers
from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway
from tests.services.traffic import Traffic

WRITTEN_WITHIN_S = 6.0
"""A quarter of a second in peace."""
RESPAWN_WITHIN_S = 6.0
"""2 seconds in peace."""
LOCKED_S = 1.5
REQUESTS = 240
DRAIN_S = 1.0
MIX: list[tuple[str, bool]] = [
    ("chaos/ok", False),
    ("chaos/ok", True),
    ("second", False),
    ("chaos/status-503", False),
    ("chaos/status-400", True),
    ("chaos/stream-cut-after-3", True),
    ("nope", False),
    ("chaos/stream-paced-20ms-400", True),  # the client leaves this one
]
ABORTED = "chaos/stream-paced-20ms-400"


@pytest.fixture(scope="module", params=["process", "thread"])
def of_module(request: pytest.FixtureRequest, shared_chaos: Chaos, start_gateway: StartGateway) -> LiveGateway:
    variables = {"GATEWAY_DRAIN_S": str(DRAIN_S), "GATEWAY_ACCESS_LOG": "off", "GATEWAY_RECORDER": request.param}
    gateway = start_gateway(workers=2, **variables)
    gateway.define("ok", "status-503", "status-400", "stream-cut-after-3", "stream-paced-20ms-400")
    gateway.define_models({"second": [{"upstream_model": "status-500"}, {"upstream_model": "ok"}]})
    return gateway


@pytest.fixture
def pair(of_module: LiveGateway) -> LiveGateway:
    """A gateway with two workers, started again if the test before has ended it."""
    if of_module.process.poll() is not None:
        of_module.restart()
    return of_module


def ask(gateway: LiveGateway, request_id: str, model: str, stream: bool) -> None:
    """One request on a connection of its own."""
    headers = {**gateway.headers(), "x-request-id": request_id}
    with (
        httpx.Client(base_url=gateway.base_url, headers=headers, trust_env=False, timeout=20) as client,
        client.stream("POST", "/v1/chat/completions", json=body(model, stream=stream)) as answer,
    ):
        if model == ABORTED:
            next(answer.iter_bytes())
        else:
            answer.read()


def rows(gateway: LiveGateway, prefix: str) -> list[dict[str, Any]]:
    return gateway.operator.rows("openai_api.UsageRecord", {"request_id__startswith": prefix})


def test_requests_when_mixed_over_two_workers_have_one_row_each(pair: LiveGateway) -> None:
    asked = {f"mixed-{number}": mix for number, mix in zip(range(REQUESTS), cycle(MIX), strict=False)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: ask(pair, name, *asked[name]), asked))
    assert eventually(lambda: len(rows(pair, "mixed-")) >= REQUESTS, WRITTEN_WITHIN_S, 0.1)
    found = {row["request_id"]: row for row in rows(pair, "mixed-")}
    assert len(rows(pair, "mixed-")) == len(found) == REQUESTS
    for name, (model, stream) in asked.items():
        row = found[name]
        assert (row["model"] or "nope", row["client_name"]) == (model, "tests")
        assert row["client_aborted"] == (row["status"] == 499) == (model == ABORTED)
        assert row["stream"] == (stream or row["stream"])
        # The second target is tried alone once the first is cooled.
        assert row["tries"] in {"second": (1, 2), "nope": (0,)}.get(model, (1,))
    statuses = Counter(row["status"] for row in found.values())
    assert set(statuses) == {200, 400, 404, 499, 503}


def test_server_when_ended_under_load_loses_no_row(pair: LiveGateway) -> None:
    with Traffic(pair, "ended", pause_s=0.005) as traffic:
        time.sleep(1)
        pair.process.send_signal(signal.SIGTERM)
        assert pair.process.wait(DRAIN_S + 6) == 0
    counts = Counter(row["request_id"] for row in rows(pair, "ended-"))
    assert traffic.ids() - set(counts) == set()
    assert max(counts.values()) == 1
    assert len(traffic.ids()) > 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the worker processes in /proc")
def test_worker_when_killed_under_load_loses_a_second_at_most_and_the_sibling_none(pair: LiveGateway) -> None:
    with Traffic(pair, "killed", threads=6) as traffic:
        time.sleep(2.5)
        before = len(traffic.asked)
        victim, survivor = workers(pair)
        old = {asked.request_id for asked in traffic.asked[: before // 2]}
        os.kill(victim, signal.SIGKILL)
        killed, answered = time.monotonic(), len(traffic.asked)
        assert eventually(lambda: len(set(workers(pair)) - {victim}) == 2, RESPAWN_WITHIN_S)
        assert survivor in workers(pair)
        while time.monotonic() - killed < 1.0:
            time.sleep(0.05)
    broken = traffic.ids(0)
    assert len(broken) <= 6, "those in flight on the one that was killed"
    assert traffic.statuses() <= {200, 0}
    assert eventually(lambda: old <= {row["request_id"] for row in rows(pair, "killed-")}, WRITTEN_WITHIN_S, 0.1)
    counts = Counter(row["request_id"] for row in rows(pair, "killed-"))
    assert max(counts.values()) == 1
    later = {asked.request_id for asked in traffic.asked[answered + 12 :]} - broken
    assert eventually(lambda: later <= {row["request_id"] for row in rows(pair, "killed-")}, WRITTEN_WITHIN_S, 0.1)
    pair.check(expected="worker died: starting another")


@pytest.fixture
def locked(pair: LiveGateway) -> Iterator[sqlite3.Connection]:
    """The gateway's SQLite database, held by another process's write."""
    connection = sqlite3.connect(Path(pair.env["GATEWAY_DATA_DIR"]) / "gateway.sqlite3", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def test_sqlite_when_locked_then_requests_are_served_and_rows_are_written_later(
    pair: LiveGateway, locked: sqlite3.Connection
) -> None:
    with Traffic(pair, "locked") as traffic:
        time.sleep(LOCKED_S)
        assert rows(pair, "locked-") == []
        locked.execute("ROLLBACK")
    assert traffic.statuses() == {200}
    assert eventually(lambda: len(rows(pair, "locked-")) >= len(traffic.asked), WRITTEN_WITHIN_S, 0.1)
    assert Counter(row["request_id"] for row in rows(pair, "locked-")) == Counter(traffic.ids())


def test_sqlite_when_locked_until_the_end_then_rows_wait_on_disk_and_come_with_the_next_start(
    pair: LiveGateway, locked: sqlite3.Connection
) -> None:
    with Traffic(pair, "until") as traffic:
        time.sleep(0.5)
        pair.process.send_signal(signal.SIGTERM)
        assert pair.process.wait(DRAIN_S + 6) == 0
    assert rows(pair, "until-") == []
    locked.execute("ROLLBACK")
    pair.restart()
    assert eventually(lambda: len(rows(pair, "until-")) >= len(traffic.ids()), WRITTEN_WITHIN_S, 0.1)
    counts = Counter(row["request_id"] for row in rows(pair, "until-"))
    assert traffic.ids() - set(counts) == set()
    assert max(counts.values()) == 1


@pytest.fixture
def no_room(pair: LiveGateway) -> Iterator[None]:
    """No file of the server can grow, as on a full disk: neither the database nor what waits for it."""
    assert eventually(lambda: "signalbox_workers 2.0" in pair.http.get("/metrics").text, RESPAWN_WITHIN_S, 0.1), "both serve"
    processes = workers(pair) + recorders(pair)
    for process in processes:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    give_room(processes)


def give_room(processes: list[int]) -> None:
    for process in processes:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits another process's files")
def test_sqlite_when_the_disk_is_full_then_rows_wait_in_memory_and_none_is_lost(pair: LiveGateway, no_room: None) -> None:
    with Traffic(pair, "full") as traffic:
        time.sleep(LOCKED_S)
        assert rows(pair, "full-") == []
        give_room(workers(pair) + recorders(pair))
    assert traffic.statuses() == {200}
    assert eventually(lambda: len(rows(pair, "full-")) >= len(traffic.asked), WRITTEN_WITHIN_S, 0.1)
    assert Counter(row["request_id"] for row in rows(pair, "full-")) == Counter(traffic.ids())
    assert "signalbox_records_dropped_total 0.0" in pair.http.get("/metrics").text


def test_rows_when_older_than_the_retention_are_deleted_in_passing_and_by_command(pair: LiveGateway) -> None:
    def put_back(prefix: str, days: int) -> None:
        ask(pair, f"{prefix}-1", "chaos/ok", stream=False)
        assert eventually(lambda: len(rows(pair, f"{prefix}-")) == 1, WRITTEN_WITHIN_S, 0.1)
        then = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        assert pair.operator.update("openai_api.UsageRecord", {"request_id": f"{prefix}-1"}, {"started_at": then}) == 1

    for prefix, days in (("ancient", 400), ("old", 300), ("recent", 10)):
        put_back(prefix, days)
    pair.restart()
    assert eventually(lambda: rows(pair, "ancient-") == [], WRITTEN_WITHIN_S, 0.1)
    assert len(rows(pair, "old-")) == 1
    assert "1 requests are older than 100 days" in pair.operator.command("purge_usage", "--days", "100", "--dry-run")
    assert "Deleted 1 requests older than 100 days" in pair.operator.command("purge_usage", "--days", "100")
    assert (rows(pair, "old-"), len(rows(pair, "recent-"))) == ([], 1)
