"""Where do rows wait while the database is away? In files of JSON lines, one folder for all workers, each read once."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from openai_api.recording.rows import UsageRow

MAX_BYTES = 256 * 1024 * 1024
MAX_FILE_BYTES = 8 * 1024 * 1024
BATCH = 1000


class SpoolFull(Exception):
    """The rows that wait take all the room they may."""


class Spool:
    """Appends rows to a file of this process; any process may replay a file that nobody holds.

    Threads may use it at once. A file is locked while it is written or replayed, and removed once all its rows have been taken.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._file: int | None = None

    def append(self, rows: Sequence[UsageRow]) -> None:
        """Keeps the rows. Raises `SpoolFull` or `OSError`."""
        data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        if self.size() + len(data) > self._max_bytes:
            raise SpoolFull
        with self._lock:
            file = self._file = self._open() if self._file is None else self._file
            os.write(file, data)
            if os.fstat(file).st_size > MAX_FILE_BYTES:
                self.close()

    def replay(self, take: Callable[[Sequence[UsageRow]], None]) -> int:
        """Hands all waiting rows to `take`, in batches; returns how many. What `take` raises ends it, and nothing is lost:
        rows that were taken may be taken again, so `take` must know them by their id."""
        self.close()
        return sum(self._replay(path, take) for path in sorted(self._folder.glob("*.jsonl")))

    def size(self) -> int:
        """Bytes of all the rows that wait."""
        total = 0
        for path in self._folder.glob("*.jsonl"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def waiting(self) -> bool:
        """Whether any rows wait."""
        return next(self._folder.glob("*.jsonl"), None) is not None

    def close(self) -> None:
        """Lets go of the file, so that it can be replayed."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _open(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{os.getpid()}-{os.urandom(6).hex()}.jsonl"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def _replay(self, path: Path, take: Callable[[Sequence[UsageRow]], None]) -> int:
        try:
            held = path.open("rb")
        except FileNotFoundError:
            return 0
        with held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            rows = [row for line in held if (row := _decoded(line)) is not None]
            for start in range(0, len(rows), BATCH):
                take(rows[start : start + BATCH])
            path.unlink(missing_ok=True)
            return len(rows)


def _decoded(line: bytes) -> UsageRow | None:
    """The row of a line; None for a line that a crash cut off."""
    try:
        return msgspec.json.decode(line, type=UsageRow)
    except msgspec.DecodeError:
        return None
