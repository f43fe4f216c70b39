"""May a request go on, and what must be given back when it has ended? Limits and budgets implement `Admission` and `Gate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.errors import Headers
from openai_api.recording.events import Record
from providers.errors import ProviderError
from providers.types import Answered, Call, Target


class Known(NamedTuple):
    """An answer that is known without a target, in the wire of the call: whole, or a stream if the call asks for one."""

    answer: Answered


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that wants to go on. `headers` are those of the client, by name in lower case."""

    call: Call
    client: Client
    entry: ModelEntry
    catalog: CatalogSnapshot
    record: Record
    headers: Mapping[bytes, bytes]


class Lease(Protocol):
    """What an admitted request holds until it ends: a place, or tokens and money that it is expected to use."""

    @property
    def head(self) -> Headers:
        """Headers that the answer has by it, in the dialect of the call."""
        ...

    def settle(self, record: Record) -> None:
        """Called once when the request has ended, however it ended. `record` has its tokens and its error. Must not fail."""
        ...


class Admission(Protocol):
    """Decides before anything is asked of an upstream. What it awaits delays the request."""

    async def admit(self, asking: Asking) -> Lease | Known | None:
        """A lease, or nothing, if the request may go on; or its answer. Raises `ApiError`, with status 429 for a limit."""
        ...


class Place(Lease, Protocol):
    """What a request holds at the target that is tried. It is settled with the request if the target has answered."""

    def give_back(self) -> None:
        """Called instead of `settle` when the try has failed. Must not fail."""
        ...


@runtime_checkable
class Looking(Protocol):
    """A gate that can say what it would decide."""

    async def look(self, asking: Asking, leg: ModelEntry, target: Target) -> ProviderError | None:
        """What `enter` would raise now. Takes nothing, counts nothing."""
        ...


class Gate(Protocol):
    """Decides whether a target of a fallback model may be tried now: an admission has decided of the model asked for. What it
    awaits delays the try."""

    async def enter(self, asking: Asking, leg: ModelEntry, target: Target) -> Place | None:
        """A place, or nothing, if it may; `leg` is the fallback model that the target is one of. Raises
        `ProviderError` if it is to be passed over: the client is told of it if no other target answers."""
        ...
