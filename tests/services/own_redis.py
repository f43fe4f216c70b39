"""Which Redis may a test stop? One of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

from tests import needs
from tests.fakes.chaos.process import eventually


class OwnRedis:
    """A Redis server of the test's own, on a free port, which it may stop and freeze; it tells of these `events`."""

    def __init__(self, directory: Path, events: str = "") -> None:
        self._events = events
        self._directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        events = ["--notify-keyspace-events", self._events] if self._events else []
        command = [
            "redis-server",
            *events,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self._directory),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        assert eventually(lambda: needs.answers(f"redis://127.0.0.1:{self.port}"), 10, 0.05)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def cli(self, *arguments: str) -> str:
        """What `redis-cli` says to a command."""
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
