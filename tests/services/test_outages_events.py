"""Are events of sessions written once and in order, although PostgreSQL was cut off or frozen in between?"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.integration.event_rows import rows_of
from tests.live import LiveGateway
from tests.live_operator import Operator
from tests.services.conftest import database, replaced
from tests.services.proxy import Proxy
from tests.services.test_outages_postgres import Outage, cut, frozen

BACK_WITHIN_S = 20.0
"""5 seconds in peace."""
AWAY_S = 3.0
TOLD = "session events cannot be written"


@pytest.fixture(scope="module")
def site(
    postgres_url: str, migrated_postgres: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveGateway, Proxy]]:
    """A gateway with two workers, and the way to its database; the operator goes another one."""
    parts = httpx.URL(postgres_url)
    with database(postgres_url, migrated_postgres) as url, Proxy(parts.host, parts.port or 5432) as proxy:
        through = replaced(url, host="127.0.0.1", port=proxy.port)
        directory = tmp_path_factory.mktemp("events")
        variables = {"GATEWAY_EVENTS": "database", "GATEWAY_RECORDER": "process", "LOG_LEVEL": "info"}
        gateway = LiveGateway(directory, shared_chaos, workers=2, template=None, DATABASE_URL=through, **variables)
        with gateway:
            gateway.operator.close()
            gateway.operator = Operator({**gateway.env, "DATABASE_URL": url})
            gateway.define("ok")
            yield gateway, proxy
            gateway._checked = gateway.log_path.stat().st_size  # each test looks at the log itself


@pytest.mark.parametrize("outage", [cut, frozen], ids=["cut", "frozen"])
def test_events_when_the_database_was_away_then_each_is_written_once_and_in_order(
    site: tuple[LiveGateway, Proxy], outage: Outage
) -> None:
    gateway, proxy = site
    session, ids, start = f"s-{uuid.uuid4()}", [], gateway.log_path.stat().st_size

    def ask(count: int) -> None:
        for _ in range(count):
            asked = {"model": "chaos/ok", "messages": [{"role": "user", "content": "hi"}]}
            headers = {**gateway.headers(), "x-gateway-session-id": session}
            answer = httpx.post(
                f"{gateway.base_url}/v1/chat/completions", json=asked, headers=headers, trust_env=False, timeout=15
            )
            assert answer.status_code == 200
            ids.append(answer.headers["x-request-id"])
            time.sleep(0.05)

    ask(10)
    with outage(proxy):
        ask(20)
        time.sleep(AWAY_S)
    ask(10)
    time.sleep(1.0)
    wanted = [ids[0], *(each for each in ids for _ in range(2))]
    assert eventually(lambda: len(rows_of(gateway, session)) >= len(wanted), BACK_WITHIN_S, 0.2)
    assert [row["request_id"] for row in rows_of(gateway, session)] == wanted
    assert gateway.log_text(start).count(TOLD) <= 3
