"""What must something do to know requests again, in all workers and after a restart?"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from openai_api.errors import Headers
from openai_api.repeats.key import Named


class State(StrEnum):
    """How far a request has come. One that has failed is told to who waits for it, and then runs again."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Head(NamedTuple):
    """How an answer begins; `status` 0 while it has not."""

    status: int = 0
    headers: Headers = ()
    streamed: bool = False


class Part(NamedTuple):
    """Pieces of an answer, the first of which has that number. A part that may have been kept is sent again as it was."""

    number: int
    pieces: Sequence[bytes]


class Told(NamedTuple):
    """What is known of a request: the pieces of its answer from the number that was asked for, and whether more may come.
    `lost` says that its worker is gone, or that another has taken it."""

    state: State
    head: Head = Head()
    pieces: Sequence[bytes] = ()
    next: int = 0
    lost: bool = False


class Begun(NamedTuple):
    """Who serves a request: its sender under the name `run`, or, without one, whoever came first, who may have asked for
    something else (`differs`)."""

    run: str = ""
    differs: bool = False


class RepeatStore(Protocol):
    """Keeps requests and their answers. All raise `StoreUnavailable`."""

    async def begin(self, named: Named) -> Begun:
        """Takes the request, if nobody has, or whoever had is gone."""
        ...

    async def told(self, named: Named, after: int) -> Told | None:
        """What is known of it; None if nothing is."""
        ...

    async def beat(self, named: Named, run: str, head: Head, parts: Sequence[Part]) -> bool:
        """Keeps more of its answer, and says whether somebody waits for it in another worker."""
        ...

    async def end(self, named: Named, run: str, state: State, head: Head, parts: Sequence[Part]) -> None:
        """Keeps the last of its answer, unless somebody else has taken the request."""
        ...
