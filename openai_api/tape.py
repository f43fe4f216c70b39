"""How do several hear what is said once? From a tape, which grows meanwhile; who comes late hears it all."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Tape(Generic[T]):
    """Pieces in their order, until it has `ended`, with `error` if that was no good end. Belongs to the event loop."""

    def __init__(self) -> None:
        self.pieces: list[T] = []
        self.ended = False
        self.error: Exception | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def add(self, *pieces: T) -> None:
        """More is said."""
        self.pieces += pieces
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more is said. Only the first end counts."""
        if not self.ended:
            self.ended, self.error = True, error
            self._wake()

    async def heard(self, count: int) -> bool:
        """Waits until there are more than `count` pieces; False if there will be no more."""
        while len(self.pieces) <= count and not self.ended:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            await waiting
        return len(self.pieces) > count

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)
