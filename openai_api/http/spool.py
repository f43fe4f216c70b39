"""Where does a large uploaded file wait until it is sent? In a temporary file that has no name, so that none is left behind."""

from __future__ import annotations

from tempfile import TemporaryFile


class NoRoom(Exception):
    """A file cannot be put on disk; the text is the system's reason."""


class DiskSpool:
    """A `Spool` in the temporary folder (`TMPDIR`). Raises `NoRoom`, when it is made and from `write`."""

    __slots__ = ("_file",)

    def __init__(self) -> None:
        try:
            # Unbuffered: what a full disk refuses would be written again, and fail again, when a buffered file is closed.
            self._file = TemporaryFile(buffering=0)  # noqa: SIM115 - `close` ends it, with its form
        except OSError as error:
            raise NoRoom(str(error)) from error

    def write(self, data: memoryview) -> None:
        """Appends all of the data; a disk that is nearly full may take only a part at a time."""
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise NoRoom(str(error)) from error

    def read(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()
