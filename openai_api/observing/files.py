"""How is what was observed kept in files that only their owner may read? With the disk full, too, and by several processes.

All of them append: a lock on the file (`flock`) is held while it is looked at and written, so that what several processes write
stands whole, one after the other, and only one of them puts a full file aside. A file is opened for each call and closed after
it: there may be any number of them. Nothing here raises for what goes wrong with the disk: it is dropped, counted, logged once,
and tried again the next time.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("gateway.observing")
FOLDER_MODE, FILE_MODE = 0o700, 0o600
CHUNK = 1024 * 1024


class Disk:
    """What one interceptor writes to. `dropped` is how many things could not be written."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failing = False
        self._missed = 0
        self.dropped = 0

    def attempt(self, things: int, write: Callable[[], None]) -> bool:
        """Whether it could be written; if not, so many `things` are lost."""
        try:
            write()
        except OSError as error:
            self.dropped += things
            self._missed += things
            if not self._failing:
                self._failing = True
                log.error(
                    "nothing can be written: what is told is dropped",
                    extra={"interceptor": self._name, "reason": error.strerror or type(error).__name__, "file": error.filename},
                )
            return False
        if self._failing:
            log.warning("can be written again", extra={"interceptor": self._name, "dropped": self._missed})
            self._failing, self._missed = False, 0
        return True


def make_folder(folder: Path) -> None:
    """The folder with its parents, for its owner alone if it is made here. Raises `OSError`."""
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


@contextmanager
def held(path: Path) -> Iterator[int]:
    """The file, made if need be, open for reading and appending, while nobody else holds it. Links are not followed. Raises
    `OSError`."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still(file, path):
                yield file
                return
        finally:
            os.close(file)


def append(file: int, data: bytes) -> None:
    """All of the data after what is there, or nothing of it: then `OSError` is raised. A line that a crash of the machine has cut
    off gets its end."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        data = b"\n" + data
    try:
        write_all(file, data)
    except OSError:
        os.ftruncate(file, size)  # a part of a line would spoil the next one
        raise


def write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def lines_in(file: int, start: int = 0) -> int:
    """How many lines end in a file, from a byte on."""
    count = 0
    while chunk := os.pread(file, CHUNK, start):
        count += chunk.count(b"\n")
        start += len(chunk)
    return count


class RotatedFile:
    """One file of lines; when it is larger than `max_bytes` it is put aside as `NAME.1`, what was that as `NAME.2`, and so on up
    to `keep`."""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep

    def append(self, data: bytes) -> None:
        """Raises `OSError`, and has written nothing then."""
        make_folder(self._path.parent)
        while True:
            with held(self._path) as file:
                size = os.fstat(file).st_size
                if not size or size + len(data) <= self._max_bytes:
                    append(file, data)
                    return
                self._put_aside()

    def _put_aside(self) -> None:
        for number in range(self._keep - 1, 0, -1):
            older = self._aside(number)
            if older.exists():
                older.replace(self._aside(number + 1))
        if self._keep:
            self._path.replace(self._aside(1))
        else:
            self._path.unlink()

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class NumberedFiles:
    """Files `PREFIX_001.jsonl` and so on, of at most `max_lines` lines each. The last one that is not full is continued."""

    def __init__(self, folder: Path, prefix: str, max_lines: int) -> None:
        self._folder = folder
        self._prefix = prefix
        self._max_lines = max_lines
        self._number = 0
        self._size = self._lines = 0

    def append(self, data: bytes, lines: int) -> None:
        """That many lines, in one file unless they are more than fit in one. Raises `OSError`, and has written nothing then."""
        make_folder(self._folder)
        if not self._number or not self.path(self._number).exists():
            self._turn_to(self._last())
        while True:
            with held(self.path(self._number)) as file:
                before = self._count(file)
                if not before or before + lines <= self._max_lines:
                    append(file, data)
                    self._size = os.fstat(file).st_size
                    self._lines = before + lines
                    return
            self._turn_to(self._number + 1)

    def path(self, number: int) -> Path:
        return self._folder / f"{self._prefix}_{number:03}.jsonl"

    def _turn_to(self, number: int) -> None:
        self._number, self._size, self._lines = number, 0, 0

    def _last(self) -> int:
        """The number of the last file, 1 if there is none."""
        numbers = (path.stem.removeprefix(f"{self._prefix}_") for path in self._folder.glob(f"{self._prefix}_*.jsonl"))
        return max((int(number) for number in numbers if number.isascii() and number.isdigit()), default=1) or 1

    def _count(self, file: int) -> int:
        """The lines in the file, of which only what another process has added is read."""
        size = os.fstat(file).st_size
        if size < self._size:
            self._size = self._lines = 0
        if size > self._size:
            self._lines += lines_in(file, self._size)
            self._lines += os.pread(file, 1, size - 1) != b"\n"
            self._size = size
        return self._lines


def _is_still(file: int, path: Path) -> bool:
    """Whether that name still means that file: it may have been put aside before the lock was got."""
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    opened = os.fstat(file)
    return (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino)
