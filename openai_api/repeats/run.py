"""How is an answer told to its sender and to all who repeat the request? Onto a tape, of which the store keeps a copy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from time import monotonic

from openai_api.errors import StoreUnavailable
from openai_api.repeats.key import Named
from openai_api.repeats.store import Head, Part, RepeatStore, State
from openai_api.tape import Tape

log = logging.getLogger("gateway.repeats")
FLUSH_S = 0.2
"""How often what was said is stored while it is said."""
BEAT_S = 2.0
"""How often the store hears of a run that says nothing."""


class Run:
    """One request that is being served. `head` is how its answer begins, `tape` the rest, of `size` bytes, `state` what became of
    it, and `stored` whether that is stored; `abandon` ends it before that.

    Of its pieces the first `_kept` are stored, and those up to `_sent` may be: a try that was given up may still succeed, and who
    listens elsewhere may have heard them."""

    def __init__(self, named: Named, run: str, store: RepeatStore, most_bytes: int) -> None:
        self.named = named
        self.head = Head()
        self.tape: Tape[bytes] = Tape()
        self.state = State.RUNNING
        self.attached = 0
        self.left = False
        self.abandon: Callable[[], None] = _nothing
        self._run = run
        self._store = store
        self._most = most_bytes
        self.size = 0
        self.stored = True
        self._kept = self._sent = 0
        self._soon = asyncio.Event()
        self._storing = asyncio.Lock()
        self._flushing = asyncio.create_task(self._flush(), name="repeat-flush")

    def leave(self) -> bool:
        """Its sender has left. It goes on until it is known whether somebody else waits for the answer."""
        self.left = True
        self._soon.set()
        return True

    def detach(self) -> None:
        """One who waited for it has left."""
        self.attached -= 1
        self._soon.set()

    def begin(self, head: Head) -> None:
        """The answer begins."""
        self.head = head

    def say(self, piece: bytes) -> None:
        """More of the answer."""
        if piece:
            self.size += len(piece)
            self.tape.add(piece)

    async def end(self, state: State) -> None:
        """The answer is complete, or as much as there will be. Only the first end counts. What is too large is not kept."""
        if self.state is not State.RUNNING:
            return
        self.state = State.FAILED if self.size > self._most else state
        async with self._storing:
            self._flushing.cancel()
            if not await self.store():
                log.error("the answer to a request with an Idempotency-Key is not stored yet: the database is unavailable")
        self.tape.end()
        await asyncio.gather(self._flushing, return_exceptions=True)

    async def store(self) -> bool:
        """Stores the end, and says whether that went well."""
        try:
            await self._store.end(self.named, self._run, self.state, self.head, self._unstored())
        except StoreUnavailable:
            self.stored = False
        else:
            self.stored = True
        return self.stored

    def _unstored(self) -> list[Part]:
        pieces = self.tape.pieces
        cuts = (self._kept, self._sent, len(pieces) if self.size <= self._most else self._sent)
        return [Part(begin, pieces[begin:end]) for begin, end in pairwise(cuts) if end > begin]

    async def _flush(self) -> None:
        """Stores what is said, as it is said, and that this worker lives."""
        beaten = monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._soon.wait()
            parts = self._unstored() if self.head.streamed else []
            asks = self.left and self._soon.is_set()
            self._soon.clear()
            if not parts and not asks and monotonic() - beaten < BEAT_S:
                continue
            followed = False
            async with self._storing:
                if parts and self._sent == self._kept:
                    self._sent += len(parts[0].pieces)
                with suppress(StoreUnavailable):
                    followed = await self._store.beat(self.named, self._run, self.head, parts[:1])
                    self._kept = self._sent
                    beaten = monotonic()
            if self.left and not followed and not self.attached:
                self.abandon()
                return


def _nothing() -> None:
    """Nobody serves it yet."""
