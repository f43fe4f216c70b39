"""What if a hook holds the event loop? A signal to the loop's thread ends the hook's step with an exception.

The handler runs in the thread that it interrupts, so it knows for certain whether the hook is still in its step. It ends Python
code, `time.sleep`, waiting for sockets and locks, and regular expressions; what stays inside a C library, it cannot.
"""

from __future__ import annotations

import logging
import signal
import threading
import traceback
from time import monotonic
from types import FrameType
from typing import Any

log = logging.getLogger("gateway.hooks")
CHECK_S = 0.1


class HookBlocked(BaseException):
    """Ends the step of a hook that held the event loop. Not an `Exception`, so that the hook is not likely to catch it."""


class Step:
    """A hook that is in a step: its name, and until when it may be."""

    __slots__ = ("name", "until")

    def __init__(self, name: str, until: float) -> None:
        self.name = name
        self.until = until


class Watch:
    """Which hook's step the event loop of this thread is in."""

    def __init__(self) -> None:
        self.step: Step | None = None
        self.sent: Step | None = None


WATCH = Watch()
"""Of the one event loop of the process that serves requests."""


class Watchdog:
    """Looks several times a second whether a hook is in its step for too long. `start` is called in the loop's thread, which must
    be the main one for signals to reach it; elsewhere it only tells."""

    def __init__(self, watch: Watch = WATCH) -> None:
        self._watch = watch
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._target = 0
        self._before: Any = None

    def start(self) -> None:
        if self._thread is not None:
            return
        self._ended.clear()
        self._target = threading.get_ident()
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGALRM, self._interrupt)
        self._thread = threading.Thread(target=self._work, name="hook-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is None:
            return
        self._ended.set()
        self._thread.join(1)
        self._thread = None
        if self._before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, self._before)
            self._before = None

    def _work(self) -> None:
        while not self._ended.wait(CHECK_S):
            step = self._watch.step
            if step is None or monotonic() < step.until or self._watch.sent is step:
                continue
            self._watch.sent = step
            log.error("a hook blocks the event loop", extra={"hook": step.name})
            if self._before is not None:
                signal.pthread_kill(self._target, signal.SIGALRM)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        step = self._watch.step
        if step is None or self._watch.sent is not step:
            return
        stack = "".join(traceback.format_stack(frame, limit=-8)) if frame is not None else ""
        log.error("a hook that blocks the event loop is ended", extra={"hook": step.name, "stack": stack})
        raise HookBlocked
