"""Where does wait what cannot be handed on? In files, in one folder for all workers, each read once.

Rows wait there for the database, as JSON lines; batches of records for the recorder, in their frames.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

import msgspec

from openai_api.recording.batches import Broken, whole_frames
from openai_api.recording.rows import UsageRow

MAX_BYTES = 256 * 1024 * 1024
MAX_FILE_BYTES = 2 * 1024 * 1024
BATCH = 1000

T = TypeVar("T")
Take = Callable[[Sequence[T]], None]


class Form(NamedTuple, Generic[T]):
    """How things stand in a file whose name ends so: `encode` gives the bytes of one, `decode` all in a file, None for what
    nobody can read."""

    suffix: str
    encode: Callable[[T], bytes]
    decode: Callable[[bytes], list[T | None]]


class SpoolFull(Exception):
    """What waits takes all the room that it may."""


class Replayed(NamedTuple):
    """What was taken, and what nobody can read: a crash cut it off, or another version wrote it."""

    taken: int
    unreadable: int


class Spool(Generic[T]):
    """Appends to a file of this process; any process may replay a file that nobody holds.

    Threads may use it at once. A file is locked while it is written or replayed, and removed once all in it has been taken.
    """

    def __init__(self, folder: Path, form: Form[T], max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._form = form
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._path: Path | None = None
        self._file: int | None = None

    def append(self, things: Sequence[T]) -> None:
        """Keeps all of them, or raises `SpoolFull` or `OSError` and keeps none."""
        data = b"".join(map(self._form.encode, things))
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

    def replay(self, take: Take[T], within_s: float) -> Replayed:
        """Hands what waits to `take`, in batches, and begins no further file after `within_s` seconds.

        What `take` raises ends it, and nothing is lost: what was taken may be taken again, so `take` must know it when it comes
        twice.
        """
        deadline = monotonic() + within_s
        self.close()
        taken = unreadable = 0
        for path in sorted(self._files()):
            replayed = self._replay(path, take)
            taken, unreadable = taken + replayed.taken, unreadable + replayed.unreadable
            if monotonic() > deadline:
                break
        return Replayed(taken, unreadable)

    def size(self) -> int:
        """Bytes of all that waits."""
        total = 0
        for path in self._files():
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
        return total

    def waiting(self) -> bool:
        """Whether anything waits."""
        return next(self._files(), None) is not None

    def close(self) -> None:
        """Closes the file, so that it can be replayed."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _files(self) -> Iterator[Path]:
        return self._folder.glob(f"*{self._form.suffix}")

    def _replay(self, path: Path, take: Take[T]) -> Replayed:
        try:
            file = path.open("rb")
        except OSError:  # another process has just taken it, or it belongs to another user
            return Replayed(0, 0)
        with file:
            if not _locked(file):
                return Replayed(0, 0)
            found = self._form.decode(file.read())
            things = [thing for thing in found if thing is not None]
            for start in range(0, len(things), BATCH):
                take(things[start : start + BATCH])
            path.unlink(missing_ok=True)
            return Replayed(len(things), len(found) - len(things))

    def _open(self) -> int:
        """The file of before, if it is still there and nobody holds it, else a new one."""
        if self._path is not None and (file := _held(self._path)) is not None:
            return file
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = self._folder / f"{os.getpid()}-{os.urandom(6).hex()}{self._form.suffix}"
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


def _rows(content: bytes) -> list[UsageRow | None]:
    return [_row(line) for line in content.splitlines()]


def _row(line: bytes) -> UsageRow | None:
    try:
        return msgspec.json.decode(line, type=UsageRow)
    except msgspec.DecodeError:
        return None


def _frames(content: bytes) -> list[bytes | None]:
    left = bytearray(content)
    try:
        found: list[bytes | None] = [*whole_frames(left)]
    except Broken:
        return [None]
    return [*found, None] if left else found


def _as_it_is(frame: bytes) -> bytes:
    return frame


ROWS: Form[UsageRow] = Form(".jsonl", lambda row: msgspec.json.encode(row) + b"\n", _rows)
FRAMES: Form[bytes] = Form(".frames", _as_it_is, _frames)
"""Frames of batches, as they go over a socket."""
