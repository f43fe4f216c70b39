"""Which requests with an `Idempotency-Key` are under way in this process, and what is done with one that comes again?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from openai_api.errors import ApiError, StoreUnavailable
from openai_api.repeats.key import Named
from openai_api.repeats.run import Run
from openai_api.repeats.store import Head, RepeatStore, State

LOOK_S = 0.1
"""How often another worker's answer is looked at."""
AGAIN_S = 0.25
"""How often it is tried to store an answer that could not be."""
LATE_S = 600.0
"""How long that is tried."""
LATE_BYTES = 64 * 1024**2
"""How much of such answers is held."""


class Away(ApiError):
    """The database is away: nobody can say whether the request was served before, and twice is once too often."""

    def __init__(self) -> None:
        message = "Requests with an Idempotency-Key cannot be served now: the database is unavailable."
        super().__init__(503, "store_unavailable", message, kind="overloaded_error", headers=((b"retry-after", b"1"),))


class Lost(Exception):
    """Whoever served the request is gone, and nothing was heard of its answer."""


def mismatch() -> ApiError:
    """The key was used for another request."""
    text = "This Idempotency-Key was used for a request with another body. Use a new key for a new request."
    return ApiError(422, "idempotency_mismatch", text, param="Idempotency-Key")


class Repeats:
    """The requests of a process over the store. An answer of more than `most_bytes` is not kept."""

    def __init__(self, store: RepeatStore, secret: bytes, most_bytes: int) -> None:
        self.secret = secret
        self.replayed = 0
        self._store = store
        self._most = most_bytes
        self._runs: dict[str, Run] = {}
        self._storing: set[asyncio.Task[None]] = set()
        self._late_bytes = 0

    async def begin(self, named: Named) -> Run | None:
        """A run of this request, if it is not served yet, nor being so. Raises 422 `idempotency_mismatch`, 503."""
        here = self._runs.get(named.id)
        if here is not None and here.state is not State.FAILED:
            if here.named != named:
                raise mismatch()
            return None
        try:
            begun = await self._store.begin(named)
        except StoreUnavailable as error:
            raise Away from error
        if begun.differs:
            raise mismatch()
        if not begun.run:
            return None
        run = self._runs[named.id] = Run(named, begun.run, self._store, self._most)
        return run

    def land(self, run: Run) -> None:
        """The run has ended. One whose answer could not be stored is known here until it is: else a repeat would be charged."""
        if run.stored or run.state is not State.DONE or self._late_bytes + run.size > LATE_BYTES:
            self._forget(run)
            return
        self._late_bytes += run.size
        task = asyncio.get_running_loop().create_task(self._store_late(run), name="repeat-late")
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    async def _store_late(self, run: Run) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(LATE_S):
                    while not await run.store():  # noqa: ASYNC110 - nobody tells when the database is back
                        await asyncio.sleep(AGAIN_S)
        finally:
            self._late_bytes -= run.size
            self._forget(run)

    def _forget(self, run: Run) -> None:
        if self._runs.get(run.named.id) is run:
            del self._runs[run.named.id]

    async def stop(self) -> None:
        """Gives up what is not stored yet."""
        for task in self._storing:
            task.cancel()
        await asyncio.gather(*self._storing, return_exceptions=True)

    async def answer(self, named: Named) -> AsyncIterator[Head | bytes]:
        """The answer of somebody else's run: its head, then its pieces as they come. Raises `Lost`, and 503."""
        run = self._runs.get(named.id)
        parts = self._of_run(run) if run is not None and run.named == named else self._of_store(named)
        async for part in parts:
            yield part

    async def _of_run(self, run: Run) -> AsyncIterator[Head | bytes]:
        run.attached += 1
        count = 0
        try:
            while await run.tape.heard(count):
                if not count:
                    yield run.head
                yield run.tape.pieces[count]
                count += 1
            if not count:
                if not run.head.status:
                    raise Lost
                yield run.head
        finally:
            run.detach()

    async def _of_store(self, named: Named) -> AsyncIterator[Head | bytes]:
        after, begun = 0, False
        while True:
            try:
                told = await self._store.told(named, after)
            except StoreUnavailable as error:
                raise Away from error
            if told is None or told.lost or (told.state is State.FAILED and not told.head.status):
                raise Lost
            if told.head.status and (told.head.streamed or told.state is not State.RUNNING):
                if not begun:
                    begun = True
                    yield told.head
                for piece in told.pieces:
                    yield piece
                after = told.next
            if told.state is not State.RUNNING:
                return
            await asyncio.sleep(LOOK_S)
