"""What if nobody reads the log? Lines wait in a bounded queue and are written by a thread; requests do not wait for them."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic

CAPACITY = 10_000
LAST_LINES_S = 0.5


class DetachedStream:
    """A text stream whose `write` never blocks. What finds the queue full is dropped; a line says how much, when there
    is room later: `formatted` gives its text."""

    def __init__(self, file: int, formatted: Callable[[str], str] = str) -> None:
        self.dropped = 0
        self._formatted = formatted
        self._file = file
        self._queue: deque[bytes] = deque()
        self._wake = threading.Event()
        self._idle = threading.Event()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def write(self, text: str) -> int:
        if len(self._queue) >= CAPACITY:
            self.dropped += 1
        else:
            self._idle.clear()
            self._queue.append(text.encode(errors="backslashreplace"))
            self._wake.set()
        return len(text)

    def flush(self) -> None:
        """Lines are written as soon as the reader takes them."""

    def drain(self, within_s: float = LAST_LINES_S) -> None:
        """Waits until everything is written, but no longer than that."""
        deadline = monotonic() + within_s
        while not self._idle.wait(0.01) and monotonic() < deadline:
            self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._queue:
                self._put(self._queue.popleft())
                if self.dropped and len(self._queue) < CAPACITY // 2:
                    dropped, self.dropped = self.dropped, 0
                    self._put((self._formatted(f"{dropped} log lines dropped: nobody read them") + "\n").encode())
            self._idle.set()

    def _put(self, line: bytes) -> None:
        view = memoryview(line)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:  # the reader has gone; there is nobody to tell
            return


def line_of(handler: logging.Handler, text: str, logger: str = "gateway.log", level: int = logging.WARNING) -> str:
    """A text as a line in the form that the handler gives to all."""
    return handler.format(logging.LogRecord(logger, level, "", 0, text, (), None))


def detach() -> None:
    """The handlers of the root logger write to a stream that does not block, from now until the process ends."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler.stream, DetachedStream):
            try:
                stream = DetachedStream(handler.stream.fileno(), partial(line_of, handler))
            except (OSError, ValueError):
                continue  # no file: a test's own stream, say
            handler.setStream(stream)
            atexit.register(stream.drain)


def drain(within_s: float) -> None:
    """Waits, but no longer than that, until everything that was logged is written."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, DetachedStream):
            handler.stream.drain(within_s)
