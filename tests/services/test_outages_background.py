"""Does a response in the background outlive a database that is away for longer than a worker may be silent?"""

from __future__ import annotations

import os
import signal
import sys
import time

import httpx
import pytest

from openai_api.database.stored_jobs import LEASE_S
from tests.fakes.chaos.process import Chaos, eventually
from tests.fakes.vendor import vendor
from tests.integration.test_background import CHAT, begin_stream, define, ended, slowly, stream_again, text_of
from tests.integration.test_workers import workers
from tests.live import LiveGateway
from tests.services.conftest import database, replaced
from tests.services.proxy import Proxy

EVENTS = 360
PAUSE_S = 0.1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the worker processes in /proc")
def test_response_when_the_database_was_away_for_longer_than_a_lease_is_completed(
    postgres_url: str, migrated_postgres: str, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> None:
    parts = httpx.URL(postgres_url)
    directory = tmp_path_factory.mktemp("background")
    with (
        database(postgres_url, migrated_postgres) as url,
        Proxy(parts.host, parts.port or 5432) as proxy,
        vendor({CHAT: lambda seen: slowly(*["x"] * EVENTS, pause=PAUSE_S)}) as upstream,
        LiveGateway(directory, shared_chaos, workers=2, DATABASE_URL=replaced(url, host="127.0.0.1", port=proxy.port)) as gateway,
    ):
        define(gateway, upstream)
        made = begin_stream(gateway)
        for silent in workers(gateway):  # one of them makes the response, and is not the first to come back
            proxy.cut()
            time.sleep(LEASE_S + 1)
            os.kill(silent, signal.SIGSTOP)
            proxy.restore()
            time.sleep(4)
            os.kill(silent, signal.SIGCONT)
            time.sleep(0.5)
        assert eventually(lambda: gateway.http.get(f"/v1/responses/{made}").status_code == 200, 5, 0.1)
        found = ended(gateway, made, EVENTS * PAUSE_S + 10)
        assert (found["status"], text_of(found)) == ("completed", "x" * EVENTS)
        numbers = [event["sequence_number"] for event in stream_again(gateway, made)[:-1]]
        assert numbers == list(range(len(numbers)))
        gateway._checked = gateway.log_path.stat().st_size  # the outage is in the log
