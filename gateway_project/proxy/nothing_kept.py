"""What stands in a proxy where a gateway has its database? Parts that keep nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from models_catalog.snapshot import Client
from openai_api.errors import StoreUnavailable
from openai_api.recording.batches import Batch
from openai_api.recording.events import Record
from openai_api.responses.store import NoMemory, StoredResponse
from providers.bytes.sse import Frames
from providers.types import Call


class NoRows:
    """A `Sink` of rows that nobody wants."""

    lost = held = 0

    @property
    def takes(self) -> Callable[[Record], bool] | None:
        return lambda record: False

    def write(self, batches: Sequence[Batch]) -> None:
        """There is nothing to write."""

    def spill(self, batches: Sequence[Batch]) -> bool:
        return True

    def close(self) -> None:
        """There is nothing to end."""


class NoResponses(NoMemory):
    """A `ResponseStore` without responses: the upstream keeps its own."""

    async def put(self, response: StoredResponse) -> None:
        raise StoreUnavailable

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        return None

    async def delete(self, response_id: str, owner: str) -> bool:
        return False


class NoBackground:
    """`BackgroundResponses` where nothing is made in the background: the upstream does that itself."""

    async def begin(self, call: Call, client: Client, record: Record) -> StoredResponse:
        raise StoreUnavailable

    async def cancel(self, response_id: str, owner: str) -> bool:
        return False

    def follow(self, response_id: str, after: int) -> AsyncIterator[tuple[int, Frames]]:
        raise StoreUnavailable
