"""What becomes of requests and their rows when the PostgreSQL server itself is killed, stopped or full?"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psycopg
import pytest

from tests import needs
from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, environment, migrate
from tests.services.traffic import Traffic, assert_each_once

CONNECTIONS = 20
START_WITHIN_S = 30.0
BACK_WITHIN_S = 12.0
"""5 seconds in peace."""


def programs() -> Path | None:
    """Where the server's programs are."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


class Server:
    """A PostgreSQL server of the test's own, which it may kill. It runs as the user `postgres` where the tests run as root."""

    def __init__(self, directory: Path, bin_dir: Path) -> None:
        self._bin = bin_dir
        self._data = directory / "cluster"
        self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        if self._as:
            shutil.chown(directory, "postgres")
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "--auth=trust", "--no-sync")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._data}"
        options += f" -c fsync=off -c max_connections={CONNECTIONS} -c superuser_reserved_connections=0"
        start = ("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._data / "log"), "-o", options, "start")
        started = eventually(lambda: self._runs(*start), START_WITHIN_S, 0.5)  # what a killed one left behind must end first
        assert started, (self._data / "log").read_text()[-2000:]

    def stop(self, how: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", how, "stop")

    def kill(self) -> None:
        os.kill(int((self._data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def _run(self, program: str, *arguments: str) -> None:
        assert self._runs(program, *arguments), program

    def _runs(self, program: str, *arguments: str) -> bool:
        command = [*self._as, str(self._bin / program), *arguments]
        return subprocess.run(command, check=False, timeout=60, stdout=subprocess.DEVNULL, cwd="/").returncode == 0


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    bin_dir = programs()
    needs.need("postgres", bin_dir is not None, "no PostgreSQL server programs on this machine")
    assert bin_dir is not None
    with TemporaryDirectory(prefix="signalbox-postgres-") as directory:  # other users may not enter those of pytest
        running = Server(Path(directory), bin_dir)
        yield running
        running.stop("immediate")


@pytest.fixture(scope="module")
def gateway(server: Server, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGateway]:
    directory = tmp_path_factory.mktemp("data")
    migrate(environment(directory, DATABASE_URL=server.url))
    with LiveGateway(directory, shared_chaos, workers=2, template=None, DATABASE_URL=server.url) as running:
        running.define("ok")
        yield running
        running._checked = running.log_path.stat().st_size  # it tells the outages, which the other tests of them look at


def status_of_unknown(gateway: LiveGateway) -> int:
    headers = {"authorization": "Bearer sk-unknown-to-the-gateway-0123456789"}
    return httpx.get(f"{gateway.base_url}/v1/models", headers=headers, trust_env=False, timeout=5).status_code


def all_told(gateway: LiveGateway, status: int) -> bool:
    return all(status_of_unknown(gateway) == status for _ in range(8))


def outage(gateway: LiveGateway, prefix: str, begin: object, end: object) -> Traffic:
    """Traffic before, during and after an outage."""
    assert callable(begin)
    assert callable(end)
    with Traffic(gateway, prefix) as traffic:
        time.sleep(0.3)
        begin()
        assert eventually(lambda: all_told(gateway, 503), 8, 0.1)
        end()
        assert eventually(lambda: all_told(gateway, 401), BACK_WITHIN_S, 0.1)
    assert traffic.statuses() == {200}
    return traffic


def test_postgres_when_killed_and_started_again_then_nothing_is_lost(gateway: LiveGateway, server: Server) -> None:
    traffic = outage(gateway, "killed", server.kill, server.start)
    assert_each_once(server.url, "killed", traffic.ids(), BACK_WITHIN_S)


def test_postgres_when_stopped_and_started_again_then_nothing_is_lost(gateway: LiveGateway, server: Server) -> None:
    traffic = outage(gateway, "stopped", server.stop, server.start)
    assert_each_once(server.url, "stopped", traffic.ids(), BACK_WITHIN_S)


def test_postgres_when_full_of_connections_then_nothing_is_lost_and_the_gateway_takes_no_more_than_its_share(
    gateway: LiveGateway, server: Server
) -> None:
    held: list[psycopg.Connection] = []

    def fill() -> None:
        with psycopg.connect(server.url, autocommit=True) as one:
            mine = one.execute("SELECT count(*) FROM pg_stat_activity WHERE client_port IS NOT NULL").fetchone()
            assert mine is not None
            assert mine[0] <= 2 * 5 + 1 + 1, "five for each worker, the operator's and this one"
            one.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            while True:
                try:
                    held.append(psycopg.connect(server.url))
                except psycopg.OperationalError:
                    break

    def free() -> None:
        for connection in held:
            connection.close()

    traffic = outage(gateway, "full", fill, free)
    assert len(held) > CONNECTIONS // 2
    assert_each_once(server.url, "full", traffic.ids(), BACK_WITHIN_S)
