"""How do events get into files? One JSON object a line, in `events.jsonl`, which is put aside when it is large.

Several processes may write to the same file: each write is one or more whole lines, under a lock of the folder.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from openai_api.observing.session_event import SessionEvent

log = logging.getLogger("gateway.recording")
FILE = "events.jsonl"
LOCK = "events.lock"
ASIDE = "events-*.jsonl"
"""Files that were put aside; what stands in place of the star is when."""
MOST_BYTES = 64 * 1024 * 1024
PURGE_S = 60.0
DAY_S = 86400.0


class JsonlSink:
    """Writes events; `lost` counts those that found no room on the disk. Files that were put aside more than `days` days ago are
    deleted, never if that is 0. Never raises."""

    name = "jsonl"

    def __init__(self, folder: Path, days: float = 0, most_bytes: int = MOST_BYTES) -> None:
        self.lost = 0
        self._folder = folder
        self._path = folder / FILE
        self._days = days
        self._most_bytes = most_bytes
        self._failing = False
        self._purge_at = 0.0

    def take_events(self, events: Sequence[SessionEvent]) -> None:
        lines = [line for event in events if (line := self._line(event))]
        try:
            with self._locked():
                self._append(b"".join(lines))
        except OSError as error:
            self._lose(len(lines), error)
        else:
            self._works()

    def tick(self) -> None:
        """Deletes what has expired."""
        if self._days and time.monotonic() >= self._purge_at:
            self._purge_at = time.monotonic() + PURGE_S
            with suppress(OSError):
                self._purge(time.time() - self._days * DAY_S)

    def close(self) -> None:
        pass

    def _line(self, event: SessionEvent) -> bytes:
        try:
            return msgspec.json.encode(event.line()) + b"\n"
        except (TypeError, ValueError, OverflowError, RecursionError):  # half a character, an odd number
            return self._plain_line(event)

    def _plain_line(self, event: SessionEvent) -> bytes:
        """The event without what cannot be written."""
        attributes = {name: value for name, value in event.attributes.items() if _encodable(value)}
        try:
            return msgspec.json.encode(event.line() | {"attributes": attributes}) + b"\n"
        except (TypeError, ValueError, OverflowError):
            self.lost += 1
            return b""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / LOCK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _append(self, data: bytes) -> None:
        """Writes the lines, or none of them. Raises `OSError`."""
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            size = os.fstat(file).st_size
            if size and size + len(data) > self._most_bytes:
                self._put_aside()
                os.close(file)
                file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
                size = 0
            _write(file, data, size)
        finally:
            os.close(file)

    def _put_aside(self) -> None:
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._path.rename(self._folder / ASIDE.replace("*", moment))

    def _purge(self, before: float) -> None:
        for path in self._folder.glob(ASIDE):
            if path.stat().st_mtime < before:
                path.unlink()

    def _lose(self, count: int, error: OSError) -> None:
        self.lost += count
        if not self._failing:
            self._failing = True
            log.error("session events cannot be written to their file: they are lost", extra={"error": str(error)})

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            log.info("session events are written to their file again", extra={"lost": self.lost})


def _write(file: int, data: bytes, size: int) -> None:
    """Writes all, or leaves the file as it was, of that size."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, size)
        raise


def _encodable(value: Any) -> bool:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
    return True
