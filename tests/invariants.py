"""What must hold after every test? Nothing is left under way in the server, and no secret has got anywhere."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import httpx

from tests.fakes.chaos.process import eventually

WITHIN_S = 4.0
"""How long what ends may take to be told; other workers tell what they hold once a second."""
MORE_TASKS, MORE_DESCRIPTORS = 40, 60
"""By how much the server may have grown since it was ready: connections of clients, threads' connections to the database."""
GAUGE = re.compile(
    r'^signalbox_(requests_in_flight|tasks|pool_connections\{state="(?:active|idle)"\}|workers) (\S+)$', re.MULTILINE
)


class Held:
    """What a server holds, compared with what it held when it was ready."""

    def __init__(self, base_url: str, pid: int) -> None:
        self._base_url = base_url
        self._pid = pid
        self._tasks = self._descriptors = 0.0
        self._workers = 1.0
        self._now: dict[str, float] = {}
        if self._measure():
            self._tasks, self._descriptors = self._now["tasks"], self._now["descriptors"]
            self._workers = self._now["workers"]  # those that had told of themselves by then

    def check(self, secrets: Collection[str]) -> None:
        """No request but the one that asks, no connection to an upstream in use, few more tasks and descriptors than at first;
        and no secret in what is told of all this."""
        assert eventually(self._is_at_rest, WITHIN_S, 0.05), (self._now, self._tasks, self._descriptors)
        assert not any(secret in self._page for secret in secrets), "a secret is in the metrics"

    def _is_at_rest(self) -> bool:
        if not self._measure():
            return True  # the page has a token, or the server has ended
        now = self._now
        return (
            now["requests_in_flight"] <= now["workers"]
            and now['pool_connections{state="active"}'] == 0
            and now["tasks"] <= self._tasks * max(now["workers"] / self._workers, 1.0) + MORE_TASKS
            and now["descriptors"] <= self._descriptors + now['pool_connections{state="idle"}'] + MORE_DESCRIPTORS
        )

    def _measure(self) -> bool:
        self._page = ""
        try:
            answer = httpx.get(f"{self._base_url}/metrics", trust_env=False, timeout=5)
        except httpx.HTTPError:
            return False
        self._page = answer.text
        self._now = {match[1]: float(match[2]) for match in GAUGE.finditer(answer.text)}
        folder = Path(f"/proc/{self._pid}/fd")
        self._now["descriptors"] = len(list(folder.iterdir())) if folder.exists() else 0
        return answer.status_code == httpx.codes.OK


def check_files(data_dir: Path, secrets: Collection[str]) -> None:
    """No secret is in the database, in its journal or in what waits to be written to it."""
    for path in (*data_dir.glob("*.sqlite3*"), *data_dir.glob("spool/*")):
        found = path.read_bytes() if path.is_file() else b""
        assert not any(secret.encode() in found for secret in secrets), f"a secret is in {path.name}"
