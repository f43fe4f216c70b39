"""How does a test see what another process serves? A process that follows the catalog and tells every change.

`python -m tests.services.follower SECONDS` polls every so many seconds and writes one JSON object a line: the version and
the names of the models, the moment (monotonic clock, the same in all processes), and the longest time for which the event
loop was held. It ends when its input is closed.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
STEP_S = 0.005
Seen = dict[str, Any]


class Follower:
    """The test's end. `seen` are the changes so far, the last one last."""

    def __init__(self, env: Mapping[str, str], log: Path, *, poll_interval_s: float) -> None:
        self._env = env
        self._log = log
        self._poll_interval_s = poll_interval_s
        self.seen: list[Seen] = []

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", __name__, str(self._poll_interval_s)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            code = self._process.wait(15)
        finally:
            self._process.kill()
            self._reader.join()
        if error is None:
            assert code == 0, self.log_text()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.seen.append(json.loads(line))

    def log_text(self) -> str:
        return self._log.read_text()

    def wait(self, condition: Callable[[Seen], bool], within: float = 10.0) -> Seen:
        """The first change that fulfils the condition."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for change in tuple(self.seen):
                if condition(change):
                    return change
            time.sleep(STEP_S)
        raise AssertionError(f"not seen within {within} s: {self.seen}\n{self.log_text()[-3000:]}")

    def wait_for_model(self, name: str, within: float = 10.0) -> float:
        """The moment from which a model of that name is served."""
        return float(self.wait(lambda change: name in change["models"], within)["at"])

    def wait_logged(self, event: str, within: float = 10.0) -> None:
        deadline = time.monotonic() + within
        while event not in self.log_text():
            assert time.monotonic() < deadline, f"not logged within {within} s: {event}\n{self.log_text()[-3000:]}"
            time.sleep(STEP_S)


async def follow(poll_interval_s: float) -> None:
    from models_catalog.live import LiveCatalog
    from models_catalog.subscribe import CatalogRefresher

    live = LiveCatalog()
    refresher = CatalogRefresher(live, poll_interval_s=poll_interval_s)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    told, held, before = None, 0.0, time.monotonic()
    starting = asyncio.create_task(refresher.start())
    while not ended.done():
        now = time.monotonic()
        held, before = max(held, now - before - STEP_S), now
        if live.loaded and live.current is not told:
            told = live.current
            change = {"version": told.version, "models": sorted(told.models), "at": now, "held": held}
            sys.stdout.write(json.dumps(change) + "\n")
            sys.stdout.flush()
        await asyncio.sleep(STEP_S)
    await starting
    await refresher.stop()


def main() -> None:
    import django
    import uvloop

    django.setup()
    uvloop.run(follow(float(sys.argv[1])))


if __name__ == "__main__":
    main()
