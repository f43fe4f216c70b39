"""What does a model answer, why did it stop, and what did it use?"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from providers.canonical.blocks import Turn
from providers.canonical.extra import Extra, Place, Value
from providers.canonical.request import Words
from providers.types import Usage, Wire


class StopReason(StrEnum):
    END = "end"
    SEQUENCE = "sequence"
    LENGTH = "length"
    CONTEXT = "context"
    """The model's window is full, whatever limit was asked for."""
    CALLS = "calls"
    PAUSE = "pause"
    """The upstream wants the answer back, to go on: Anthropic's `pause_turn`, Gemini's CONTINUATION."""
    REFUSAL = "refusal"
    """The model will not."""
    FILTER = "filter"
    """Something between the model and the client will not."""
    MALFORMED = "malformed"
    """The model called a tool in a way that cannot be read."""
    COMPACTED = "compacted"
    CANCELLED = "cancelled"
    FAILED = "failed"
    OTHER = "other"


class Stop(Value, frozen=True, gc=False, kw_only=True):
    """`called` is the wire's own word ("SPII"), `sequence` the one that was met, `category` and `detail` why it was refused."""

    reason: StopReason
    called: str = ""
    sequence: str | None = None
    category: str | None = None
    detail: str | None = None
    place: Place = ()
    extra: Extra | None = None


class Used(Value, frozen=True, gc=False, kw_only=True):
    """Tokens in the gateway's spelling, where those from and to the cache are part of the input and thoughts part of the
    output; those of them that a wire told in more detail, under the names of docs/decisions/014; and the total if the wire
    tells it."""

    tokens: Usage
    details: Mapping[str, int] = MappingProxyType({})
    total: int | None = None
    place: Place = ()
    extra: Extra | None = None


class Failure(Value, frozen=True, gc=False, kw_only=True):
    """What an upstream says that went wrong, in its own words. Which error of the gateway that is, the wire's `failure_of`
    decides."""

    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    status: int | None = None
    extra: Extra | None = None


class Choice(Value, frozen=True, gc=False, kw_only=True):
    """One of the answers: one turn, or an item each in Responses. `stop` is None of one that has not ended."""

    index: int = 0
    turns: tuple[Turn, ...] = ()
    stop: Stop | None = None
    place: Place = ()
    extra: Extra | None = None


class Answer(Value, frozen=True, gc=False, kw_only=True):
    """A whole answer of the wire `wire`. `created` and `completed` are seconds since 1970; a wire that tells parts of seconds
    keeps its own spelling in `extra`."""

    wire: Wire
    words: Words
    id: str | None = None
    model: str | None = None
    created: int | None = None
    completed: int | None = None
    choices: tuple[Choice, ...] = ()
    used: Used | None = None
    service_tier: str | None = None
    failure: Failure | None = None
    place: Place = ()
    extra: Extra | None = None
