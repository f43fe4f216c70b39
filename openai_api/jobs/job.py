"""What is a job? Background work of some kind, for some owner, that outlives its request.

Neither the store nor the runner knows what a payload says or what an event means: that is the kind's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from providers.bytes.sse import Frames


class State(StrEnum):
    """`queued` and `running`, which may change into each other, then one of the others, which is final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = frozenset({State.QUEUED, State.RUNNING})
"""The states of a job that has not ended."""


class Why(StrEnum):
    """Why a job ends otherwise than by its kind's own ending."""

    CANCELLED = "cancelled"
    LOST = "lost"
    """Its worker has stopped beating."""
    HANDED_OVER = "handed_over"
    """Its worker shuts down, and no other can run the job."""
    BROKEN = "broken"
    """The kind raised an exception, or all tries have failed."""


class Job(NamedTuple):
    """A job that has not ended. `payload` is all that a worker needs to begin it; `number` is that of its next event; `failures`
    counts the tries that failed before; `streamed` says that its events can be followed."""

    id: str
    kind: str
    owner: str
    payload: bytes
    created_at: float
    number: int = 0
    failures: int = 0
    streamed: bool = False


class Events(NamedTuple):
    """Consecutive events of a job; `last` is the number of the last. `ended` says that there
    will be no more."""

    frames: Frames
    last: int
    ended: bool


Write = Callable[[], None]
"""What a kind writes beside its job, in the same transaction; called again if the transaction is tried again."""


def nothing() -> None:
    """The `Write` of a kind that has no rows of its own."""


class Ending(NamedTuple):
    """How a job ends: a final state, its last events, and what is written with them."""

    state: State
    frames: Sequence[bytes] = ()
    write: Write = nothing


class Again(NamedTuple):
    """The try failed; the next one begins anew, `after_s` seconds later at the earliest."""

    after_s: float = 0.0


Outcome = Ending | Again
