"""How do spans, logs and metrics get to the collector, whatever it does? From a bounded queue, in batches, by a thread.

What a collector refuses for now (429, 502, 503, 504, no connection, no answer) is sent again, when it asks for it (`Retry-After`)
or after growing pauses; what it refuses for good, and what has no room, is dropped and counted. An outage is logged once, and so
is its end.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from openai_api.observing.otlp.post import Answered, Post

log = logging.getLogger("gateway.otlp")

MOST_ITEMS = 8192
MOST_BYTES = 32 * 1024 * 1024
"""What may wait. Beyond it the newest are dropped: what is sent is then a trace with its beginning."""
BATCH_ITEMS = 512
BATCH_BYTES = 2 * 1024 * 1024
GATHER_S = 1.0
"""How long the first of a batch waits for others."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
PATIENCE_S = 120.0
"""How long a batch is sent again before it is dropped."""
END_S = 3.0
"""How long the end of the process waits for what is left."""
GRACE_S = 0.3


class Message(Protocol):
    """A message of protobuf."""

    def ByteSize(self) -> int: ...  # noqa: N802 - protobuf's name


T = TypeVar("T", bound=Message)


class Exporter(Generic[T]):
    """Sends one signal. `pack` makes the request of some items; `put` never waits. The thread begins with the first item."""

    def __init__(self, signal: str, post: Post, pack: Callable[[Sequence[T]], bytes], *, most_items: int = MOST_ITEMS) -> None:
        self.signal = signal
        self.dropped = 0
        self._post = post
        self._pack = pack
        self._most_items = most_items
        self._waiting: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._ending = 0.0
        self._sending = 0
        self._away = False
        self._thread: threading.Thread | None = None

    def put(self, items: Sequence[T]) -> None:
        with self._changed:
            for item in items:
                size = item.ByteSize()
                if len(self._waiting) >= self._most_items or (self._bytes + size > MOST_BYTES and self._waiting):
                    self.dropped += 1
                    continue
                self._waiting.append((item, size))
                self._bytes += size
            self._changed.notify()
            if self._thread is None and not self._ending:
                self._thread = threading.Thread(target=self._work, name=f"otlp-{self.signal}", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """Sends what is left, in three seconds. Does not wait."""
        with self._changed:
            self._ending = self._ending or monotonic() + END_S
            self._changed.notify()

    def join(self) -> None:
        """Waits for the end. Blocks."""
        if self._thread is not None:
            self._thread.join(max(self._ending - monotonic(), 0.0) + GRACE_S)
        with self._changed:
            self.dropped += len(self._waiting) + self._sending
            self._waiting.clear()
        if self.dropped:
            log.warning("telemetry was dropped", extra={"signal": self.signal, "dropped": self.dropped})

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._send(batch)
            except Exception:  # a defect must not end what sends the next batch
                log.exception("telemetry could not be made", extra={"signal": self.signal})
                self._drop(len(batch))
            self._sending = 0
        self._post.close()

    def _next(self) -> list[T] | None:
        """The next batch; None at the end."""
        with self._changed:
            while not self._waiting:
                if self._ending:
                    return None
                self._changed.wait()
            gathered = monotonic() + GATHER_S
            while not self._ending and len(self._waiting) < BATCH_ITEMS and (left := gathered - monotonic()) > 0:
                self._changed.wait(left)
            batch: list[T] = []
            size = 0
            while self._waiting and len(batch) < BATCH_ITEMS and (not batch or size + self._waiting[0][1] <= BATCH_BYTES):
                item, weight = self._waiting.popleft()
                batch.append(item)
                size += weight
            self._bytes -= size
            self._sending = len(batch)
            return batch

    def _send(self, batch: list[T]) -> None:
        data, given_up, pause = self._pack(batch), monotonic() + PATIENCE_S, FIRST_PAUSE_S
        while True:
            answered = self._post.send(data)
            if answered.taken:
                self._taken(answered)
                return
            self._refused(answered)
            wait = answered.retry_after if answered.retry_after is not None else pause * random.uniform(0.5, 1.0)  # noqa: S311
            wait = min(wait, LONGEST_PAUSE_S)
            if not answered.again or monotonic() + wait > (self._ending or given_up):
                self._drop(len(batch))
                return
            pause = min(2 * pause, LONGEST_PAUSE_S)
            with self._changed:
                self._changed.wait_for(lambda: self._ending > 0, wait)

    def _taken(self, answered: Answered) -> None:
        if self._away:
            self._away = False
            log.info("telemetry is sent again", extra={"signal": self.signal, "dropped": self.dropped})
        if answered.rejected:
            self._drop(answered.rejected)
            log.warning("the collector rejected telemetry", extra={"signal": self.signal, "rejected": answered.rejected})

    def _refused(self, answered: Answered) -> None:
        if not self._away:
            self._away = True
            log.warning("telemetry cannot be sent", extra={"signal": self.signal, "reason": answered.reason})

    def _drop(self, number: int) -> None:
        with self._changed:
            self.dropped += number


def close_all(*exporters: Exporter[Any]) -> None:
    """Ends all of them at the same time. Blocks for three seconds at most."""
    for exporter in exporters:
        exporter.end()
    for exporter in exporters:
        exporter.join()
