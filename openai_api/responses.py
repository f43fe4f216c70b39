"""What is kept of responses that the gateway makes itself, and who keeps it?

An upstream with the Responses API keeps its own; `response_ids.py` finds them again.
"""

from __future__ import annotations

from typing import Protocol

import msgspec


class StoredResponse(msgspec.Struct, frozen=True):
    """A response and the items it was made from. `items` and `body` are JSON: a list, and the response object."""

    id: str
    owner: str
    model: str
    items: bytes
    body: bytes
    created_at: float


class ResponseStore(Protocol):
    """Keeps responses until they expire. Methods never hold up the event loop; all may raise `StoreUnavailable`."""

    async def put(self, response: StoredResponse) -> None: ...

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        """None for one that does not exist, has expired, or belongs to another."""
        ...

    async def delete(self, response_id: str, owner: str) -> bool:
        """Whether there was one."""
        ...


class StoreUnavailable(Exception):
    """The database cannot be reached."""


class NothingStored:
    """A store that keeps nothing, where nothing shall be kept."""

    async def put(self, response: StoredResponse) -> None:
        return None

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        return None

    async def delete(self, response_id: str, owner: str) -> bool:
        return False
