"""How does a test start a chaos upstream and look into it? `with chaos_upstream() as chaos: chaos.log()`."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]
STOP_WITHIN = 5.0


class Chaos:
    """A running chaos upstream, seen from a test; `base_url` is its OpenAI address, `pid` its process."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self._control = httpx.Client(base_url=f"http://127.0.0.1:{port}/__chaos__/", trust_env=False)

    def log(self, model: str | None = None, *, bodies: bool = False) -> list[dict[str, Any]]:
        """The requests seen since the last reset, oldest first; `bodies` adds `body_base64`."""
        query = {"bodies": "1" if bodies else "0", **({"model": model} if model else {})}
        listed: list[dict[str, Any]] = self._control.get("log", params=query).json()
        return listed

    def bodies(self) -> list[Any]:
        """The bodies of the requests seen, decoded from JSON."""
        return [json.loads(base64.b64decode(seen["body_base64"])) for seen in self.log(bodies=True)]

    def connections(self) -> dict[str, int]:
        counts: dict[str, int] = self._control.get("connections").json()
        return counts

    def reset(self) -> None:
        self._control.post("reset").raise_for_status()

    def script(self, behaviours: Sequence[str], model: str = "") -> None:
        """The next requests (of that upstream model) are answered so, whatever they ask for."""
        self._control.post("script", json={"behaviours": list(behaviours), "model": model}).raise_for_status()

    def wait_idle(self, within: float = 2.0) -> bool:
        """Waits until no request is in work any more; False when one still is."""
        return eventually(lambda: self.connections()["busy"] == 0, within)

    def wait_state(self, state: str, model: str | None = None, within: float = 2.0) -> dict[str, Any]:
        """The last record, once it is in that state."""
        eventually(lambda: self._last_state(model) == state, within)
        assert self._last_state(model) == state, self.log(model)
        return self.log(model)[-1]

    def close(self) -> None:
        self._control.close()

    def _last_state(self, model: str | None) -> str:
        records = self.log(model)
        return str(records[-1]["state"]) if records else ""


def eventually(condition: Any, within: float, pause: float = 0.005) -> bool:
    """Asks again and again until `condition()` is true or the time (seconds) is over."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


@contextmanager
def chaos_upstream() -> Iterator[Chaos]:
    """A chaos upstream in a process of its own, on a free port of the loopback."""
    command = [sys.executable, "-m", "tests.fakes.chaos", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            chaos = Chaos(json.loads(process.stdout.readline())["port"], process.pid)
            yield chaos
            chaos.close()
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
