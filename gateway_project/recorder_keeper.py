"""Who looks after the processes beside the workers? A thread of the server for each, which starts it, starts it again when it has
died, and ends it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from gateway_project.recorder_process import AGAIN, NOT_STARTED

log = structlog.stdlib.get_logger("gateway.serve")
RECORDER = "recorder"
DIED = "{} died: starting it again"
SHORT_LIFE_S = 5.0
"""Seconds after which a recorder process counts as started."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
"""How long after one that had not started the next follows; twice as long each time."""
END_S = 1.5
"""What it may need to write what it has, or to put it on disk, once the workers have ended."""


class Keeper:
    """Keeps a process of the module `gateway_project.<name>_process` as long as the `with` block lasts. The process ends when
    `serve` does, however that ends: its standard input is a pipe whose other end only `serve` holds."""

    def __init__(self, name: str = RECORDER) -> None:
        self._name = name
        self._command = [sys.executable, "-m", f"gateway_project.{name}_process"]
        self._ending = threading.Event()
        self._theirs, self._lifeline = os.pipe()
        self._process = 0
        self._thread = threading.Thread(target=self._keep, name=f"{name}-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.set()
        os.close(self._lifeline)
        self._thread.join(END_S)
        if self._thread.is_alive():
            log.warning("process did not exit in time: killed", process=self._name)
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
            self._thread.join(END_S)

    def _keep(self) -> None:
        failed = 0
        while not self._ending.is_set():
            born = time.monotonic()
            code = self._run([*self._command, AGAIN] if failed else self._command)
            failed = 0 if time.monotonic() - born >= SHORT_LIFE_S else failed + 1
            if failed <= 1 and code != NOT_STARTED and not self._ending.is_set():
                log.error(DIED.format(self._name), exitcode=code)
            self._ending.wait(min(PAUSE_S * 2 ** (failed - 1), LONGEST_PAUSE_S) if failed else 0)

    def _run(self, command: list[str]) -> int | None:
        """Starts a process and returns when it has ended; its exit code, None if it could not be started."""
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        stdin = [(os.POSIX_SPAWN_DUP2, self._theirs, 0)]
        try:
            self._process = os.posix_spawn(command[0], command, {**os.environ, "PYTHONPATH": path}, file_actions=stdin)
        except OSError:
            return None
        _, status = os.waitpid(self._process, 0)
        return os.waitstatus_to_exitcode(status)
