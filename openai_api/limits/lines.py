"""Who is next where requests wait for a limit? Keys in turn, and those of one key in the order in which they came.

A line is that of one counter, in one worker. Its first tries to take, and rests as long as it is told to; all others stand
behind it, and who has no time to wait is refused meanwhile: nobody overtakes. Whoever leaves, admitted or not, makes the next
one the first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable

from openai_api.limits.store import PLACE_MS, Found

MOST_WAITING = 1000
"""Requests that wait in one worker; those that come then are refused."""
PLACE_S = 0.2
"""How long the first waits for a place that a request of another worker's may have given back."""
UNKNOWN = Found(0, 0, PLACE_MS, PLACE_MS)


class Line:
    """Those who wait for a counter. `found` is what the first was told of it last."""

    def __init__(self) -> None:
        self.keys: OrderedDict[str, deque[Ticket]] = OrderedDict()
        self.found = UNKNOWN

    def first(self) -> Ticket | None:
        return next(iter(self.keys.values()))[0] if self.keys else None

    def call(self) -> None:
        """Tells the first that it is its turn."""
        ticket = self.first()
        if ticket is not None:
            ticket.called.set()


class Ticket:
    """A place in a line. `called` is set when it becomes the first, and when something may have been given back."""

    def __init__(self, name: str, key: str) -> None:
        self.name = name
        self.key = key
        self.called = asyncio.Event()

    async def rest(self, seconds: float) -> None:
        """Waits so long, or until something may have been given back."""
        self.called.clear()
        try:
            async with asyncio.timeout(seconds):
                await self.called.wait()
        except TimeoutError:
            return


class Lines:
    """The lines of a worker, by the names of their counters. `waiting` is how many requests stand in them."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._lines: dict[str, Line] = {}
        self._most = most
        self.waiting = 0

    def blocking(self, names: Iterable[str]) -> str | None:
        """The first of these counters that others wait for."""
        return next((name for name in names if name in self._lines), None)

    def found(self, name: str) -> Found:
        """What those who wait for a counter were told of it last."""
        line = self._lines.get(name)
        return UNKNOWN if line is None else line.found

    def join(self, name: str, key: str) -> Ticket | None:
        """A place at the end of what waits for a key, and the key's at the end of all; None if there is no room."""
        if self.waiting >= self._most:
            return None
        line = self._lines.setdefault(name, Line())
        ticket = Ticket(name, key)
        line.keys.setdefault(key, deque()).append(ticket)
        self.waiting += 1
        if line.first() is ticket:
            ticket.called.set()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Gives the place up. The next key is called, if this was the first of all."""
        line = self._lines[ticket.name]
        first = line.first() is ticket
        tickets = line.keys[ticket.key]
        tickets.remove(ticket)
        self.waiting -= 1
        if first and tickets:
            line.keys.move_to_end(ticket.key)
        if not tickets:
            del line.keys[ticket.key]
        if not line.keys:
            del self._lines[ticket.name]
        elif first:
            line.call()

    def tell(self, ticket: Ticket, found: Found) -> None:
        """Remembers what the first of a line was told."""
        self._lines[ticket.name].found = found

    def freed(self, names: Iterable[str]) -> None:
        """Something of these counters may have been given back."""
        for name in names:
            if (line := self._lines.get(name)) is not None:
                line.call()
