"""How does an observer get what it is to see, whatever it does? In a thread of its own, from a queue with a bound."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

from openai_api.observing.session_event import SessionEvent
from openai_api.observing.transcript import Transcript

log = logging.getLogger("gateway.observers")
MOST_BYTES = 64 * 1024 * 1024
"""What may wait for an observer. Beyond it the newest are dropped, and counted."""
TICK_S = 1.0
EVENT_BYTES = 1024
"""About what an event holds, beside its attributes."""


class Handed(NamedTuple):
    """What waits: a transcript, or events."""

    transcript: Transcript | None
    events: Sequence[SessionEvent]
    weight: int


class ObserverLane:
    """One observer: `observe`, `take_events`, `tick`, `close`, as far as it has them."""

    def __init__(self, name: str, observer: Any) -> None:
        self.name = name
        self.dropped = 0
        self.observer = observer
        self._observe = getattr(observer, "observe", None)
        self._take_events = getattr(observer, "take_events", None)
        self._tick = getattr(observer, "tick", None)
        self._waiting: deque[Handed] = deque()
        self._weight = 0
        self._faults: set[str] = set()
        self._some = threading.Condition()
        self._ending = False
        self._thread: threading.Thread | None = None

    @property
    def lost(self) -> int:
        """What had no room, here or further on: an observer that sends things may have a `dropped` of its own."""
        return self.dropped + int(getattr(self.observer, "dropped", 0))

    @property
    def takes_events(self) -> bool:
        return self._take_events is not None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, name=f"observer-{self.name}", daemon=True)
        self._thread.start()

    def observe(self, transcript: Transcript) -> None:
        """Hands over an exchange. Never waits."""
        if self._observe is not None:
            self._put(Handed(transcript, (), transcript.weight()))

    def take_events(self, events: Sequence[SessionEvent], weight: int) -> None:
        """Hands over events, whose attributes hold about `weight` bytes. Never waits."""
        if self._take_events is not None and events:
            self._put(Handed(None, events, weight + EVENT_BYTES * len(events)))

    def end(self) -> None:
        """Lets it finish what waits, then close."""
        with self._some:
            self._ending = True
            self._some.notify()

    def join(self, deadline: float) -> None:
        """Waits for that, until the deadline (of `monotonic`)."""
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - monotonic()))

    def _put(self, handed: Handed) -> None:
        with self._some:
            if self._weight + handed.weight > MOST_BYTES and self._waiting:
                self.dropped += 1
                return
            self._weight += handed.weight
            self._waiting.append(handed)
            self._some.notify()

    def _work(self) -> None:
        ticked = monotonic()
        while True:
            with self._some:
                if not self._waiting and not self._ending:
                    self._some.wait(TICK_S)
                handed = self._waiting.popleft() if self._waiting else None
                ended = handed is None and self._ending
            if handed is not None:
                self._guarded(self._give, handed)
                with self._some:
                    self._weight -= handed.weight
            if monotonic() - ticked >= TICK_S and self._tick is not None:
                ticked = monotonic()
                self._guarded(self._tick)
            if ended:
                if (close := getattr(self.observer, "close", None)) is not None:
                    self._guarded(close)
                return

    def _give(self, handed: Handed) -> None:
        if handed.transcript is not None and self._observe is not None:
            self._observe(handed.transcript)
        elif self._take_events is not None:
            self._take_events(handed.events)

    def _guarded(self, method: Any, *args: Any) -> None:
        try:
            method(*args)
        except BaseException as error:
            kind = type(error).__name__
            if kind not in self._faults:
                self._faults.add(kind)
                log.error("observer failed", exc_info=error, extra={"observer": self.name})
