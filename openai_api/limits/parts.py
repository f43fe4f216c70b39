"""What takes part in the one atomic step in which a request is admitted? Each kind of rule brings its counters; `Bounded` takes
them all at once, and tells each kind what became of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from models_catalog.bounds import BudgetRule, LimitRule
from openai_api.errors import ApiError, Headers
from openai_api.limits.admission import Asking
from openai_api.limits.journal import Entry
from openai_api.limits.store import Counter, Found, Store, Verdict
from openai_api.recording.events import Record


class Seen(NamedTuple):
    """A rule as it stands, and what a request would take of it. `ends` is when the period of a budget does, in seconds since the
    epoch; None where nothing ends."""

    rule: LimitRule | BudgetRule
    takes: int
    found: Found
    ends: float | None = None


class Part(Protocol):
    """What the rules of one kind ask of the store for one request. `found` is always that of its own counters, in their order."""

    counters: Sequence[Counter]

    def head(self, found: Sequence[Found]) -> Headers:
        """Headers of the answer of an admitted request."""
        ...

    def refusal(self, found: Sequence[Found]) -> ApiError:
        """What the client is told where some of them refuse."""
        ...

    def told(self, found: Sequence[Found]) -> ApiError:
        """The words of `refusal`, for whoever only looks: nothing is counted."""
        ...

    def seen(self, found: Sequence[Found]) -> Sequence[Seen]:
        """Each rule as it stands."""
        ...

    def begun(self, hold: str) -> Sequence[Entry]:
        """What is written down if the request is admitted; `hold` is the id of what it takes."""
        ...

    def admitted(self, hold: str, verdict: Verdict) -> None:
        """Called once if the request goes on; `verdict` is that of all parts. Must not fail."""
        ...

    def settled(self, record: Record) -> Sequence[int]:
        """Called once after that: what each counter's request has really used. Must not fail."""
        ...

    def ended(self, used: Sequence[int]) -> Sequence[Entry]:
        """What is written down with that."""
        ...


class Rules(Protocol):
    """The rules of one kind."""

    def part(self, asking: Asking) -> Part | None:
        """What is asked for a request, None if no rule is for it. Raises `ApiError`. It is asked for every request: be quick."""
        ...

    async def fill(self, store: Store, counters: Sequence[Counter]) -> None:
        """Tells the store what was spent before of counters that it does not know. Raises `ApiError`."""
        ...
