"""What becomes of transcripts in the recorder? They are put in order, shown to the observers, and folded into session events.

Several workers tell their exchanges; what ended first is shown first. So each is held for a moment, in which another worker may
tell one that ended before it.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from time import monotonic, time
from typing import Any, Protocol

import msgspec

from openai_api.observing.lane import ObserverLane
from openai_api.observing.session_event import SessionEvent
from openai_api.observing.transcript import Transcript

log = logging.getLogger("gateway.observers")
HOLD_S = 0.5
PATIENCE_S = 5.0
TURN_S = 0.25
DUE_S = 1.0
MOST_HELD = 64 * 1024 * 1024
"""Bytes that are held for their order; beyond it the first go on at once."""


class EventFold(Protocol):
    """Makes events of exchanges."""

    def events(self, transcript: Transcript) -> list[SessionEvent]: ...

    def due(self, now: float) -> list[SessionEvent]:
        """What is to be told because time has passed; `now` in seconds since the epoch."""
        ...

    def close(self) -> list[SessionEvent]:
        """What is to be told at the end."""
        ...


class Watcher(Protocol):
    """An observer under its name, and for whose exchanges it is."""

    @property
    def name(self) -> str: ...

    @property
    def hook(self) -> Any: ...

    def applies(self, model: str | None, *keys: str | None) -> bool: ...


class Observation:
    """Owns the observers and the thread that feeds them. `put` and `put_encoded` may be called by any thread."""

    def __init__(
        self, observers: Sequence[Watcher] = (), fold: EventFold | None = None, sinks: Sequence[tuple[str, Any]] = ()
    ) -> None:
        self.dropped = self._gone = 0
        self._fold = fold
        self._observers = [(watcher, ObserverLane(watcher.name, watcher.hook)) for watcher in observers]
        self._sinks = [ObserverLane(name, sink) for name, sink in sinks]
        self._fresh: list[bytes | Transcript] = []
        self._fresh_bytes = 0
        self._held: list[tuple[float, int, Transcript]] = []
        self._held_bytes = 0
        self._numbers = count()
        self._decode = msgspec.msgpack.Decoder(Transcript).decode
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._due = 0.0

    @property
    def lost(self) -> int:
        """Transcripts and batches of events that somebody has not seen for want of room."""
        return self.dropped + self._gone + sum(lane.lost for lane in self._lanes())

    @property
    def observers(self) -> list[Watcher]:
        """Those that are shown exchanges now."""
        return [watcher for watcher, _ in self._observers]

    def start(self) -> None:
        for lane in self._lanes():
            lane.start()
        self._thread = threading.Thread(target=self._work, name="observation", daemon=True)
        self._thread.start()

    def put(self, transcript: Transcript) -> None:
        """Takes an exchange. Never waits."""
        self._put(transcript, transcript.weight())

    def put_encoded(self, transcript: bytes) -> None:
        """Takes one as MessagePack. Never waits."""
        self._put(transcript, len(transcript))

    def replace(self, observers: Sequence[Watcher]) -> None:
        """Puts other observers in the place of those there are. Those that are gone see what was told until now and are closed
        then; those that stay go on."""
        known = {id(lane.observer): lane for _, lane in self._observers}
        lanes = [(watcher, known.pop(id(watcher.hook), None)) for watcher in observers]
        made = [(watcher, lane or ObserverLane(watcher.name, watcher.hook)) for watcher, lane in lanes]
        for (_, before), (_, lane) in zip(lanes, made, strict=True):
            if before is None and self._thread is not None:
                lane.start()
        with self._lock:
            self._observers = made
        for lane in known.values():
            self._gone += lane.dropped
            lane.end()

    def stop(self) -> None:
        """Ends, after everything was shown, or five seconds. Blocks."""
        self._ending.set()
        deadline = monotonic() + PATIENCE_S
        if self._thread is not None:
            self._thread.join(PATIENCE_S)
        for lane in self._lanes():
            lane.end()
        for lane in self._lanes():
            lane.join(deadline)

    def _lanes(self) -> Iterable[ObserverLane]:
        return [*(lane for _, lane in self._observers), *self._sinks]

    def _put(self, told: bytes | Transcript, weight: int) -> None:
        with self._lock:
            if self._fresh_bytes + weight > MOST_HELD and self._fresh:
                self.dropped += 1
                return
            self._fresh.append(told)
            self._fresh_bytes += weight

    def _work(self) -> None:
        while not self._ending.wait(TURN_S):  # nobody wakes it: whoever does, a worker's event loop, would wait for it
            self._guarded(self._turn)
        self._guarded(self._turn)
        self._guarded(self._close_fold)

    def _close_fold(self) -> None:
        if self._fold is not None:
            self._tell(self._fold.close())

    def _turn(self) -> None:
        with self._lock:
            fresh, self._fresh, self._fresh_bytes = self._fresh, [], 0
        for told in fresh:
            self._hold(told)
        now = time()
        while self._held and (self._ending.is_set() or self._held[0][0] <= now - HOLD_S or self._held_bytes > MOST_HELD):
            _, _, transcript = heapq.heappop(self._held)
            self._held_bytes -= transcript.weight()
            self._show(transcript)
        if self._fold is not None and now - self._due >= DUE_S:
            self._due = now
            self._tell(self._fold.due(now))

    def _hold(self, told: bytes | Transcript) -> None:
        try:
            transcript = self._decode(told) if isinstance(told, bytes) else told
        except msgspec.DecodeError:
            self.dropped += 1
            return
        heapq.heappush(self._held, (transcript.ended, next(self._numbers), transcript))
        self._held_bytes += transcript.weight()

    def _show(self, transcript: Transcript) -> None:
        record = transcript.record
        for watcher, lane in self._observers:
            if watcher.applies(record.model, record.client_name, record.client_id):
                lane.observe(transcript)
        for lane in self._sinks:
            lane.observe(transcript)
        if self._fold is not None and (self._sinks or any(lane.takes_events for _, lane in self._observers)):
            self._tell(self._fold.events(transcript), transcript)

    def _tell(self, events: Sequence[SessionEvent], transcript: Transcript | None = None) -> None:
        if not events:
            return
        weight = transcript.weight() if transcript is not None else 0
        for watcher, lane in self._observers:
            if watcher.applies(events[0].model or None, events[0].client_name or None, events[0].client_id or None):
                lane.take_events(events, weight)
        for lane in self._sinks:
            lane.take_events(events, weight)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # a defect must not end what shows the next exchange
            log.exception("an exchange could not be shown")
