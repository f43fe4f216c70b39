"""What is known of a response that is made in the background, and who keeps it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from openai_api.responses.store import StoredResponse


class Asked(msgspec.Struct):
    """What must be known to make a response once more: the request without its secrets."""

    body: msgspec.Raw
    request_id: str
    stream: bool
    strict: bool
    previous_response_id: str | None = None


class Job(NamedTuple):
    """A response to be made. `number` is that of its next event."""

    response: StoredResponse
    asked: Asked
    number: int


class Told(NamedTuple):
    """Events with higher numbers than asked for, as frames; `ended` says that there will be no more."""

    frames: list[bytes]
    last: int
    ended: bool


class Jobs(Protocol):
    """Keeps what is to be made, and who makes it. Methods never hold up the event loop; all may raise `StoreUnavailable`."""

    async def queue(self, job: Job, *, taken: bool) -> None:
        """A new response; `taken` by this worker at once, or left to whoever has a place."""
        ...

    async def take(self, places: int) -> list[Job]:
        """Jobs that nobody makes, now this worker's. Ends those whose worker is lost."""
        ...

    async def beat(self, response_id: str, first: int, frames: Sequence[bytes]) -> bool:
        """Keeps the job and these events, the first with that number. False if it is not this worker's any more."""
        ...

    async def finish(self, response_id: str, first: int, frames: Sequence[bytes], status: str, body: bytes) -> bool:
        """Its last events and its end. False if it was not this worker's."""
        ...

    async def release(self, response_id: str, number: int) -> None:
        """Gives the job to whoever comes next, who begins anew: its events are forgotten, their numbers are not used again."""
        ...

    async def cancel(self, response_id: str, owner: str) -> StoredResponse | None:
        """Ends it if it has not ended; what it is then, None if there is none."""
        ...

    async def events(self, response_id: str, after: int) -> Told:
        """The events with numbers above `after`."""
        ...
