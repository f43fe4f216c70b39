"""What becomes of records? They are counted and given to every sink, once, and whoever sent them is told when they are safe.

Who calls this, a thread of a worker or a process of its own, is the business of `in_thread` and `receiver`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

from openai_api.recording.batches import Batch, Broken, batch_of
from openai_api.recording.lanes import CAPACITY, PATIENCE_S, Lane, Parcel, Sink
from openai_api.recording.metrics import TRANSCRIPTS, Counts
from openai_api.recording.onlookers import Nobody, Onlookers
from openai_api.recording.spool import Spool, SpoolFull

log = logging.getLogger("gateway.recording")
TURN_S = 0.25
"""How often it acts: few and short wake-ups, since whoever is woken takes the processor from an event loop."""
REPLAY_S = 0.5


class Recorder:
    """Owns the sinks: `rows`, which makes a batch safe, and `others`, which may lose some of it. `onlookers` are shown what
    workers tell of whole exchanges.

    One thread calls it. `run` names the server: what comes from another one has been counted there, if at all, and only its
    rows are kept. `backlog` are the batches that could not be handed over in time.
    """

    def __init__(
        self,
        run: str,
        counts: Counts,
        rows: Sink,
        others: Sequence[Sink],
        backlog: Spool[bytes],
        onlookers: Onlookers | None = None,
    ) -> None:
        self.onlookers = onlookers or Nobody()
        self._run = run
        self._counts = counts
        self._sink = rows
        self._rows = Lane(rows)
        self._others = [Lane(sink, bounded=True) for sink in others]
        self._backlog = backlog
        self._lost = self._unseen = self._unreadable = 0

    @property
    def crowded(self) -> bool:
        """Whether it should be given nothing more for now."""
        return self._rows.waiting >= CAPACITY

    @property
    def waiting(self) -> int:
        """Records that would be lost with this process."""
        return self._rows.waiting

    @property
    def stuck(self) -> bool:
        return self._rows.stuck

    def start(self) -> None:
        for lane in self._lanes:
            lane.start()
        self.onlookers.start()

    def take(self, batch: Batch, done: Callable[[], None] | None = None) -> None:
        """Counts the batch and gives it to the sinks; `done` is called, in a later turn, when its rows are written or on disk.
        One that comes again is only written again, which is harmless."""
        self._observe(batch)
        self._rows.put(Parcel(batch, done))

    def turn(self) -> None:
        """Does what is due; called every `TURN_S`. Blocks on the disk at most."""
        self._take_backlog()
        for lane in self._lanes:
            lane.wake()
            lane.relieve()
        self._count_lost()
        self._counts.store()
        for parcel in self._rows.safe():  # counted, stored and safe
            if parcel.done is not None:
                parcel.done()

    def stop(self) -> None:
        """Ends, after all has been written or spilled. Blocks."""
        self.turn()
        for lane in self._lanes:
            lane.end()
        deadline = monotonic() + PATIENCE_S
        for lane in self._lanes:
            lane.join(deadline)
        self.onlookers.stop()
        self.turn()

    def abandon(self) -> None:
        """Spills all that is not written, for a process that cannot end properly. Blocks; may be called by any thread."""
        for lane in self._lanes:
            lane.abandon()

    @property
    def _lanes(self) -> list[Lane]:
        return [self._rows, *self._others]

    def _observe(self, batch: Batch) -> None:
        try:
            fresh = self._counts.count(batch)
        except Exception:  # a defect must not meet the same batch again and again
            log.exception("records could not be counted")
            return
        if fresh:
            for lane in self._others:
                lane.put(Parcel(batch))

    def _take_backlog(self) -> None:
        if self._backlog.waiting():
            with suppress(SpoolFull, OSError):  # it stays where it is
                found = self._backlog.replay(self._take_left, REPLAY_S)
                self._unreadable += found.unreadable
                if found.taken:
                    self._rows.wake(due=True)
                    log.info("spooled batches replayed", extra={"batches": found.taken})

    def _take_left(self, frames: Sequence[bytes]) -> None:
        """Moves batches to where rows wait for the database; they are on disk before and after."""
        for frame in frames:
            try:
                batch = batch_of(frame)
            except Broken:
                self._unreadable += 1
                continue
            if not self._sink.spill([batch]):
                raise SpoolFull
            if batch.run == self._run:
                self._observe(batch)
        self._counts.store()

    def _count_lost(self) -> None:
        lost = self._unreadable + sum(lane.dropped for lane in self._lanes)
        self._counts.lose(lost - self._lost)
        self._lost = lost
        unseen = self.onlookers.lost
        self._counts.lose(unseen - self._unseen, TRANSCRIPTS)
        self._unseen = unseen
