"""Does PostgreSQL lose a row of a request when its table gets partitions, lacks one, is given one meanwhile, or drops one?"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body
from tests.live_operator import Operator

TABLE = "openai_api_usagerecord"
FIRST, REST = f"{TABLE}_first", f"{TABLE}_rest"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
COMMON = "POST", "/v1/x", 200, "[]", 1, False, False, False, 1.0, 1.0, '{"team":"blue"}'
COLUMNS = (
    "id, started_at, request_id, method, path, status, attempts, tries, stream, client_aborted, estimated, upstream_ms, total_ms",
    "tags",
)
MOMENTS = {"old": NOW - 400 * DAY, "today": NOW, "soon": NOW + 5 * DAY, "wrong clock": NOW + 4000 * DAY}
Operate = Callable[[Mapping[str, str]], Operator]


@pytest.fixture
def database(postgres: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(postgres, autocommit=True) as connection:
        yield connection


def add(database: psycopg.Connection[tuple[object, ...]], moments: Mapping[str, datetime]) -> None:
    marks = ", ".join(["%s"] * (3 + len(COMMON)))
    for name, moment in moments.items():
        database.execute(f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({marks})", [uuid.uuid4(), moment, name, *COMMON])


def placed(database: psycopg.Connection[tuple[object, ...]]) -> dict[str, str]:
    """In which table each request is."""
    return {
        str(name): str(table) for name, table in database.execute(f"SELECT request_id, tableoid::regclass::text FROM {TABLE}")
    }


def end_first(database: psycopg.Connection[tuple[object, ...]], moment: datetime) -> None:
    """As if the table had been divided long ago: what has come since has no partition."""
    database.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {FIRST}")
    database.execute(
        f"ALTER TABLE {TABLE} ATTACH PARTITION {FIRST} FOR VALUES FROM (MINVALUE) TO ('{moment:%Y-%m-%d}T00:00:00Z')"
    )


def test_rows_when_their_table_is_divided_and_put_together_again_then_all_are_there(
    database: psycopg.Connection[tuple[object, ...]], postgres_env: Mapping[str, str], operate: Operate
) -> None:
    operator = operate(postgres_env)
    operator.command("migrate", "openai_api", "0019", "-v", "0")
    add(database, MOMENTS)
    operator.command("migrate", "openai_api", "-v", "0")
    assert placed(database) == {"old": FIRST, "today": FIRST, "soon": REST, "wrong clock": REST}
    assert database.execute("SELECT count(*) FROM openai_api_usagetag").fetchone() == (4,)
    assert "made" in operator.command("usage_partitions")
    where = placed(database)
    assert where["soon"] not in (FIRST, REST)
    assert "made" not in operator.command("usage_partitions")
    rows = operator.rows("openai_api.UsageRecord", {"request_id": "soon"})
    assert operator.update("openai_api.UsageRecord", {"pk": rows[0]["id"]}, {"agent": "a"}) == 1
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute(f"INSERT INTO {TABLE} SELECT * FROM {TABLE} WHERE request_id = 'soon'")
    operator.command("migrate", "openai_api", "0020", "-v", "0")
    assert placed(database) == dict.fromkeys(MOMENTS, TABLE)
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute(f"INSERT INTO {TABLE} SELECT * FROM {TABLE}")


def test_purge_usage_when_a_partition_has_expired_then_drops_it_and_deletes_the_others_to_the_day(
    database: psycopg.Connection[tuple[object, ...]], postgres_env: Mapping[str, str], operate: Operate
) -> None:
    add(database, {"old": NOW - 400 * DAY})
    end_first(database, NOW - 100 * DAY)
    add(database, {"expired": NOW - 40 * DAY, "kept": NOW - 20 * DAY})
    operator = operate(postgres_env)
    assert "2 requests are older than 30 days" in operator.command("purge_usage", "--days", "30", "--dry-run")
    assert "Deleted 2 requests" in operator.command("purge_usage", "--days", "30")
    assert placed(database) == {"kept": REST}
    assert database.execute(f"SELECT to_regclass('{FIRST}')").fetchone() == (None,)
    add(database, {"late": NOW - 400 * DAY})
    assert placed(database)["late"] == REST


def test_recorder_when_there_is_no_partition_then_writes_and_makes_it_and_drops_what_has_expired(
    database: psycopg.Connection[tuple[object, ...]], postgres: str, chaos: Chaos, tmp_path: Path
) -> None:
    add(database, {"old": NOW - 400 * DAY})
    end_first(database, NOW - 100 * DAY)
    next_month = (NOW.replace(day=1) + 32 * DAY).replace(day=1)
    bounds = f"FOR VALUES FROM ('{NOW:%Y-%m-%d}T00:00:00Z') TO ('{next_month:%Y-%m-%d}T00:00:00Z')"
    with (
        psycopg.connect(postgres) as maker,
        LiveGateway(tmp_path, chaos, template=None, DATABASE_URL=postgres, GATEWAY_USAGE_DAYS="30") as gateway,
    ):
        gateway.define("ok")
        assert eventually(lambda: "old" not in placed(database), 10, 0.2)
        made = set(_tables(database))
        assert len(made - {FIRST, REST}) >= 7
        for name in made - {REST}:
            database.execute(f"DROP TABLE {name}")
        maker.execute(f"LOCK TABLE {REST} IN ACCESS EXCLUSIVE MODE")  # as whoever makes a partition
        maker.execute(f"CREATE TABLE usage_made (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        headers = {**gateway.headers(), "x-request-id": "meanwhile"}
        assert gateway.http.post("/v1/chat/completions", json=body("chaos/ok"), headers=headers).status_code == 200
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        assert eventually(lambda: database.execute(waits).fetchone() != (0,), 6, 0.02)
        maker.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION usage_made {bounds}")
        maker.commit()
        assert eventually(lambda: "meanwhile" in placed(database), 6, 0.1)
        assert placed(database)["meanwhile"] == "usage_made"
        gateway.check()


def _tables(database: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    found = database.execute(f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{TABLE}'::regclass")
    return [str(name) for (name,) in found]
