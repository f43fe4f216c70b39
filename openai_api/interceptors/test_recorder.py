"""How does the test of an application see what it said to models? Through a recording proxy, which a fixture of pytest starts.

The package offers this module to pytest (entry point `pytest11`). Nothing but the names is loaded before a test asks for the
fixture. The proxy is a process of its own, so that neither its settings nor its libraries meet those of the application; what it
has recorded is read from the files of `http_recorder` and `event_recorder`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

START_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
SEEN_WITHIN_S = 10.0
POLL_S = 0.05
ANNOUNCED = re.compile(r"passes on (http://\S+) to")
PACKAGES = Path(__file__).parents[2]
FOREIGN = ("GATEWAY_", "DJANGO_", "LOG_", "DATABASE_URL", "REDIS_URL", "HOST", "PORT", "WEB_CONCURRENCY")
"""Beginnings of the names of variables that are the application's, or another gateway's."""
Line = dict[str, Any]


class Recorder:
    """A proxy in front of an upstream, until the `with` block ends. Applications under test talk to `base_url`.

    `requests`, `responses` and `errors` are the lines of docs/recordings.md, `events` those of docs/events.md, as dictionaries in
    their order, as far as they are recorded: about a second after the end of an exchange. `wait_for` waits for them.
    """

    __test__ = False

    def __init__(self, folder: Path, base_url: str, kind: str = "openai", api_key: str = "") -> None:
        self.base_url = ""
        self._folder = folder
        self._upstream = {"base_url": base_url, "type": kind, **({"api_key": api_key} if api_key else {})}
        self._process = 0

    def __enter__(self) -> Recorder:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "proxy.yaml"
        with open(config, "w", opener=_private) as file:  # it may hold a key
            json.dump(self._config(), file)  # which is YAML, too
        command = [sys.executable, "-c", "from gateway_project.cli import main; main()", "proxy", "--config", str(config)]
        log = (1, str(self._log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        actions = [(os.POSIX_SPAWN_OPEN, *log), (os.POSIX_SPAWN_DUP2, 1, 2), (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        self._process = os.posix_spawn(sys.executable, command, self._environment(), file_actions=actions)
        try:
            self.base_url = self._announced()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def requests(self) -> list[Line]:
        return self._recorded("request")

    @property
    def responses(self) -> list[Line]:
        return self._recorded("response")

    @property
    def errors(self) -> list[Line]:
        """Exchanges without an answer."""
        return self._recorded("error")

    @property
    def events(self) -> list[Line]:
        found = [line for line in _lines(self._folder / "events", "session_*.jsonl") if "_metadata" not in line]
        return sorted(found, key=lambda line: str(line["timestamp"]))

    def wait_for(self, exchanges: int = 1, *, events: int = 0, timeout_s: float = SEEN_WITHIN_S) -> None:
        """Waits until so many exchanges have ended, and so many events are told. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout_s
        while (ended := len(self.responses) + len(self.errors)) < exchanges or len(self.events) < events:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{ended} of {exchanges} exchanges and {len(self.events)} of {events} events are recorded")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ends the proxy; all that has happened is recorded then."""
        process, self._process = self._process, 0
        if process and not _ends(process, signal.SIGTERM, STOP_WITHIN_S):
            _ends(process, signal.SIGKILL, STOP_WITHIN_S)

    @property
    def _log(self) -> Path:
        return self._folder / "proxy.log"

    def _config(self) -> dict[str, Any]:
        recorders = [("http_recorder", "exchanges"), ("event_recorder", "events")]
        configured = [{"type": name, "config": {"output_dir": str(self._folder / folder)}} for name, folder in recorders]
        return {"server": {"port": 0, "host": "127.0.0.1"}, "llm": self._upstream, "interceptors": configured}

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        path = os.pathsep.join(filter(None, (str(PACKAGES), kept.get("PYTHONPATH"))))
        return {**kept, "PYTHONPATH": path, "GATEWAY_DATA_DIR": str(self._folder / "data")}

    def _announced(self) -> str:
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            said = self._log.read_text() if self._log.exists() else ""
            if found := ANNOUNCED.search(said):
                return found[1]
            if _has_ended(self._process):
                self._process = 0
                raise RuntimeError(f"the proxy did not start:\n{said}")
            time.sleep(POLL_S)
        raise TimeoutError("the proxy has not started in a minute")

    def _recorded(self, kind: str) -> list[Line]:
        return [line for line in _lines(self._folder / "exchanges", "recording_*.jsonl") if line["type"] == kind]


StartRecorder = Callable[..., Recorder]


@pytest.fixture
def signalbox_recorder(tmp_path: Path) -> Iterator[StartRecorder]:
    """Starts recording proxies: `signalbox_recorder("http://127.0.0.1:9000", "openai", api_key="…")`. They end with the test."""
    numbers = count(1)
    with ExitStack() as running:

        def start(base_url: str, kind: str = "openai", *, api_key: str = "") -> Recorder:
            return running.enter_context(Recorder(tmp_path / f"signalbox-{next(numbers)}", base_url, kind, api_key))

        yield start


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lines(folder: Path, pattern: str) -> Iterator[Line]:
    """The objects in files, in the order of their names and lines. What is being written is left for the next time."""
    for path in sorted(folder.glob(pattern), key=lambda path: (len(path.name), path.name)):
        for text in path.read_bytes().split(b"\n")[:-1]:
            yield json.loads(text)


def _has_ended(process: int) -> bool:
    try:
        return os.waitpid(process, os.WNOHANG)[0] == process
    except ChildProcessError:
        return True


def _ends(process: int, number: int, within_s: float) -> bool:
    """Whether the process has ended so many seconds after the signal."""
    os.kill(process, number)
    deadline = time.monotonic() + within_s
    while not _has_ended(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
