"""Which sinks does the recorder have? Those that the settings ask for; built where it runs, in a worker or in its own process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from gateway_project.hooks import observation
from openai_api.database.usage_rows import DatabaseSink
from openai_api.database.webhook_outbox import DatabaseOutbox
from openai_api.interceptors.webhook import outbox
from openai_api.observing.observation import Observation
from openai_api.recording.access_log import AccessLog, Shown
from openai_api.recording.lanes import Sink
from openai_api.recording.metrics import Counts
from openai_api.recording.onlookers import Onlookers
from openai_api.recording.recorder import Recorder
from openai_api.recording.spool import FRAMES, ROWS, Spool

RUN_DIR = "GATEWAY_RUN_DIR"
"""Environment variable with the directory that the processes of one server share. `serve` sets it, never an operator."""
SOCKET = "recorder.sock"
COUNTS = "recorder.json"
LONGEST_PATH = 100
"""Bytes that the path of a Unix socket may have, on every system."""


def build_recorder(run: str, counts: Counts, onlookers: Onlookers | None = None) -> Recorder:
    """The recorder of the server that is named so."""
    folder = settings.GATEWAY_DATA_DIR / "spool"
    rows = DatabaseSink(Spool(folder, ROWS), settings.GATEWAY_USAGE_DAYS, settings.GATEWAY_ROLL_UP_DAYS)
    return Recorder(run, counts, rows, list(other_sinks()), Spool(folder, FRAMES), onlookers)


def shown() -> Observation:
    """What shows exchanges to the observers of the settings; webhooks among them find the outbox."""
    outbox.use(DatabaseOutbox())
    return observation()


def backlog() -> Spool[bytes]:
    """Where batches wait for the recorder process."""
    return Spool(settings.GATEWAY_DATA_DIR / "spool", FRAMES)


def runs_apart(run_dir: Path) -> bool:
    """Whether a server that meets in this folder has a recorder process."""
    if len(os.fsencode(run_dir / SOCKET)) > LONGEST_PATH or settings.GATEWAY_RECORDER == "thread":
        return False
    return settings.GATEWAY_RECORDER == "process" or (settings.GATEWAY_ROLE != "control" and cpus() > 1)


def cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def other_sinks() -> Iterator[Sink]:
    if settings.GATEWAY_ACCESS_LOG != "off":
        yield AccessLog(as_json=settings.LOG_FORMAT == "json", shown=Shown(settings.GATEWAY_ACCESS_LOG))
