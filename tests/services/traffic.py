"""Are requests served while something is broken? A steady trickle of them, each with an id that its row must have."""

from __future__ import annotations

import threading
import time
from collections import Counter
from types import TracebackType
from typing import NamedTuple, Self

import httpx
import psycopg

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body


class Asked(NamedTuple):
    """One request; `status` 0 when the connection broke."""

    request_id: str
    status: int
    seconds: float


class Traffic:
    """Asks `gateway` for `model` again and again, from `threads` clients, until the `with` block ends."""

    def __init__(self, gateway: LiveGateway, prefix: str, *, model: str = "chaos/ok", threads: int = 3, pause_s: float = 0.02):
        self.asked: list[Asked] = []
        self._gateway = gateway
        self._prefix = prefix
        self._model = model
        self._pause_s = pause_s
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def ids(self, status: int = 200) -> set[str]:
        """The requests that were answered so."""
        return {asked.request_id for asked in self.asked if asked.status == status}

    def statuses(self) -> set[int]:
        return {asked.status for asked in self.asked}

    def slowest_s(self) -> float:
        return max(asked.seconds for asked in self.asked)

    def _ask(self, thread: int) -> None:
        with httpx.Client(
            base_url=self._gateway.base_url, headers=self._gateway.headers(), trust_env=False, timeout=15
        ) as client:
            number = 0
            while not self._ending.wait(self._pause_s):
                number += 1
                request_id = f"{self._prefix}-{thread}-{number}"
                started = time.monotonic()
                try:
                    answer = client.post(
                        "/v1/chat/completions", json=body(self._model), headers={"x-request-id": request_id}
                    ).status_code
                except httpx.TransportError:
                    answer = 0
                self.asked.append(Asked(request_id, answer, time.monotonic() - started))


def rows_in(url: str, prefix: str) -> Counter[str]:
    """How many rows each request of that prefix has in a PostgreSQL database."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT request_id FROM openai_api_usagerecord WHERE request_id LIKE %s", [f"{prefix}-%"])
        return Counter(request_id for (request_id,) in found)


def assert_each_once(url: str, prefix: str, ids: set[str], within_s: float) -> None:
    """Every request gets its row in that time, and only one."""
    eventually(lambda: ids <= set(rows_in(url, prefix)), within_s, 0.1)
    rows = rows_in(url, prefix)
    assert ids - set(rows) == set(), f"{len(ids - set(rows))} of {len(ids)} rows are lost"
    assert max(rows.values()) == 1
