"""What is kept of responses that the gateway makes itself, and who keeps it?

An upstream with the Responses API keeps its own; `ids.py` finds them again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

import msgspec

from models_catalog.snapshot import Client
from openai_api.errors import upstream
from openai_api.jobs.job import Write
from openai_api.recording.events import Record
from providers.bytes.patch import fields_of, patch
from providers.bytes.sse import Frames
from providers.errors import CallerError
from providers.types import Call, Target
from providers.wire.openai.framing import json_string
from providers.wire.openai_responses.items import Json, items_of

_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
ACTIVE = ("queued", "in_progress")
"""The states of a response that has not ended."""


class StoredResponse(msgspec.Struct, frozen=True):
    """A response and the items it was made from. `items` and `body` are JSON: a list, and the response object, which is
    that of the beginning until the response has ended. `streamed` says that it was asked for as a stream, in the background."""

    id: str
    owner: str
    model: str
    items: bytes
    body: bytes
    created_at: float
    status: str = "completed"
    streamed: bool = False

    def current_body(self) -> bytes:
        """The response object as it is now."""
        return patch(fields_of(self.body), {"status": json_string(self.status)}) if self.status in ACTIVE else self.body


class Remembered(NamedTuple):
    """A response with what it was made from, and the id of the stored one that it continues, if any."""

    response: StoredResponse
    continues: str | None

    def context(self) -> list[msgspec.Raw]:
        """Its items and its output."""
        return [*_items(self.response.items), *_items(fields_of(self.response.body).raw("output") or b"[]")]

    def size(self) -> int:
        return len(self.response.items) + len(self.response.body)


class ResponseStore(Protocol):
    """Keeps responses until they expire. Methods never block the event loop; all may raise `StoreUnavailable`."""

    async def put(self, response: StoredResponse) -> None: ...

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        """None for one that does not exist, has expired, or belongs to another."""
        ...

    async def delete(self, response_id: str, owner: str) -> bool:
        """Whether there was one."""
        ...

    def recall(self, response_id: str, owner: str) -> Remembered | None:
        """The response of that id, if a connection remembers it for that owner."""
        ...

    async def remember(self, call: Call, owner: str, target: Target, body: bytes) -> None:
        """Is told of every response at its end, for a connection that remembers what is not stored. Raises 400 for input that
        cannot be read."""
        ...


class NoMemory:
    """What a store does that belongs to no connection: it remembers nothing."""

    def recall(self, response_id: str, owner: str) -> Remembered | None:
        return None

    async def remember(self, call: Call, owner: str, target: Target, body: bytes) -> None:
        return


class ResponseWrites(Protocol):
    """What is written of a response with its job, in the same transaction."""

    def begun(self, response: StoredResponse) -> Write:
        """A response that has not ended: its job tells its status."""
        ...

    def ended(self, response_id: str, status: str, body: bytes) -> Write:
        """The end of a response, if it has not been deleted."""
        ...


class BackgroundResponses(Protocol):
    """Makes responses while nobody waits. All may raise `StoreUnavailable`."""

    async def begin(self, call: Call, client: Client, record: Record) -> StoredResponse:
        """The response at its beginning; `record` is that of the request that asks for it. Raises 400 `ApiError`s."""
        ...

    async def cancel(self, response_id: str, owner: str) -> bool:
        """Ends it if it has not ended. False if there is none."""
        ...

    def follow(self, response_id: str, after: int) -> AsyncIterator[tuple[int, Frames]]:
        """Its events with numbers above `after`, as they come: the last number, and frames."""
        ...


def input_items(call: Call) -> list[Json]:
    """What a request says, as items. Raises 400 for an `input` that is neither a text nor a list of objects."""
    said = msgspec.json.decode(call.fields.raw("input") or b"null")
    try:
        return [] if said is None else items_of(said)
    except CallerError as error:
        raise upstream(error) from error
