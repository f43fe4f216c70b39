"""How is an answer told to its sender and to all who repeat the request? Onto a tape, of which the store keeps a copy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from openai_api.errors import StoreUnavailable
from openai_api.repeats.key import Named
from openai_api.repeats.store import Head, RepeatStore, State
from openai_api.tape import Tape

log = logging.getLogger("gateway.repeats")
FLUSH_S = 0.2
"""How often what was said is stored while it is said."""
BEAT_S = 2.0
"""How often the store hears of a run that says nothing."""


class Run:
    """One request that is being served. `head` is how its answer begins, `tape` the rest, `state` what became of it; `abandon`
    ends it before that."""

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
        self._size = self._stored = 0
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
            self._size += len(piece)
            self.tape.add(piece)

    async def end(self, state: State) -> None:
        """The answer is complete, or as much as there will be. Only the first end counts. What is too large is not kept, nor
        what cannot be stored, which is logged."""
        if self.state is not State.RUNNING:
            return
        self.state = State.FAILED if self._size > self._most else state
        async with self._storing:
            self._flushing.cancel()
            try:
                await self._store.end(self.named, self._run, self.state, self.head, self._stored, self._unstored())
            except StoreUnavailable:
                self.state = State.FAILED
                log.error("the answer to a request with an Idempotency-Key was not stored: the database is unavailable")
        self.tape.end()
        await asyncio.gather(self._flushing, return_exceptions=True)

    def _unstored(self) -> list[bytes]:
        return self.tape.pieces[self._stored :] if self._size <= self._most else []

    async def _flush(self) -> None:
        """Stores what is said, as it is said, and that this worker lives."""
        beaten = monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await self._soon.wait()
            pieces = self._unstored() if self.head.streamed else []
            asks = self.left and self._soon.is_set()
            self._soon.clear()
            if not pieces and not asks and monotonic() - beaten < BEAT_S:
                continue
            followed = False
            async with self._storing:
                with suppress(StoreUnavailable):
                    followed = await self._store.beat(self.named, self._run, self.head, self._stored, pieces)
                    self._stored += len(pieces)
                    beaten = monotonic()
            if self.left and not followed and not self.attached:
                self.abandon()
                return


def _nothing() -> None:
    """Nobody serves it yet."""
