"""May a request go on, and what must be given back when it has ended? Limits, budgets and caches implement `Admission`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from models_catalog.snapshot import Client, ModelEntry
from openai_api.recording.events import Record
from providers.types import Answered, Call


class Known(NamedTuple):
    """An answer that is known without a target, in the wire of the call: whole, or a stream if the call asks for one."""

    answer: Answered


class Lease(Protocol):
    """What an admitted request holds until it ends: a place, or tokens that it is expected to use."""

    def settle(self, record: Record) -> None:
        """Called once when the request has ended, however it ended. `record` has its tokens and its error. Must not fail."""
        ...


class Admission(Protocol):
    """Decides before anything is asked of an upstream. What it awaits delays the request."""

    async def admit(self, call: Call, client: Client, entry: ModelEntry) -> Lease | Known | None:
        """A lease, or nothing, if the request may go on; or its answer. Raises `ApiError`, with status 429 for a limit."""
        ...
