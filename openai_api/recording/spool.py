"""Where do rows wait while the database is away? In files of JSON lines, one folder for all workers, each read once."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from io import BufferedReader
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import msgspec

from openai_api.recording.rows import UsageRow

MAX_BYTES = 256 * 1024 * 1024
MAX_FILE_BYTES = 8 * 1024 * 1024
BATCH = 1000

Take = Callable[[Sequence[UsageRow]], None]


class SpoolFull(Exception):
    """The rows that wait take all the room they may."""


class Replayed(NamedTuple):
    """Rows that were taken, and lines that nobody can read: a crash cut them off, or another version wrote them."""

    rows: int
    unreadable: int


class Spool:
    """Appends rows to a file of this process; any process may replay a file that nobody holds.

    Threads may use it at once. A file is locked while it is written or replayed, and removed once all its rows have been taken.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._path: Path | None = None
        self._file: int | None = None

    def append(self, rows: Sequence[UsageRow]) -> None:
        """Keeps all the rows, or raises `SpoolFull` or `OSError` and keeps none."""
        data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        if self.size() + len(data) > self._max_bytes:
            raise SpoolFull
        with self._lock:
            file = self._file = self._open() if self._file is None else self._file
            size = os.fstat(file).st_size
            try:
                _write_all(file, data)
            except OSError:
                os.ftruncate(file, size)  # a part of a line would spoil the next one
                raise
            if size + len(data) > MAX_FILE_BYTES:
                self.close()
                self._path = None

    def replay(self, take: Take, within_s: float) -> Replayed:
        """Hands waiting rows to `take`, in batches, and begins no further file after `within_s` seconds.

        What `take` raises ends it, and nothing is lost: rows that were taken may be taken again, so `take` must know them
        by their id.
        """
        deadline = monotonic() + within_s
        self.close()
        rows = unreadable = 0
        for path in sorted(self._folder.glob("*.jsonl")):
            replayed = _replay(path, take)
            rows, unreadable = rows + replayed.rows, unreadable + replayed.unreadable
            if monotonic() > deadline:
                break
        return Replayed(rows, unreadable)

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
        """The file of before, if it is still there and nobody holds it, else a new one."""
        if self._path is not None and (file := _held(self._path)) is not None:
            return file
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = self._folder / f"{os.getpid()}-{os.urandom(6).hex()}.jsonl"
        new = self._path.with_suffix(".new")  # gets its name when it is locked: nobody must replay it before
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        new.rename(self._path)
        return file


def _held(path: Path) -> int | None:
    """The file, open for appending and locked; None when it is gone or somebody else's now."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return None
    if _locked(file) and os.fstat(file).st_nlink:
        return file
    os.close(file)
    return None


def _locked(file: int | BufferedReader) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _replay(path: Path, take: Take) -> Replayed:
    try:
        file = path.open("rb")
    except OSError:  # another worker has just taken it, or it belongs to another user
        return Replayed(0, 0)
    with file:
        if not _locked(file):
            return Replayed(0, 0)
        lines = [_decoded(line) for line in file]
        rows = [row for row in lines if row is not None]
        for start in range(0, len(rows), BATCH):
            take(rows[start : start + BATCH])
        path.unlink(missing_ok=True)
        return Replayed(len(rows), len(lines) - len(rows))


def _decoded(line: bytes) -> UsageRow | None:
    try:
        return msgspec.json.decode(line, type=UsageRow)
    except msgspec.DecodeError:
        return None
