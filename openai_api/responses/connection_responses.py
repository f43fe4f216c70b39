"""What does a WebSocket connection remember of responses that nobody keeps? The last one of each stream of its turns."""

from __future__ import annotations

import time
from collections import OrderedDict

import msgspec

from openai_api.responses.store import Remembered, ResponseStore, StoredResponse, input_items
from providers.bytes.patch import Fields, fields_of, patch
from providers.offload import offload
from providers.types import Call, Target
from providers.wire.openai_responses.items import Json

_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_string = msgspec.json.Decoder(str | None).decode


class ConnectionResponses:
    """A store with a memory of its own in front, of at most `most_bytes`. `stream_id` is that of the turn in work."""

    def __init__(self, store: ResponseStore, most_bytes: int) -> None:
        self.stream_id = ""
        self._store = store
        self._most_bytes = most_bytes
        self._last: OrderedDict[str, Remembered] = OrderedDict()
        """Stream → what it remembers, the oldest first."""
        self._streams: dict[str, set[str]] = {}
        """Response → the streams that remember it."""
        self._bytes = 0

    async def put(self, response: StoredResponse) -> None:
        await self._store.put(response)

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        return await self._store.get(response_id, owner)

    async def delete(self, response_id: str, owner: str) -> bool:
        return await self._store.delete(response_id, owner)

    async def remember(self, call: Call, owner: str, target: Target, body: bytes) -> None:
        """Remembers a response that is not stored, in place of the last one. One that failed is not remembered, and what it
        continued is forgotten. Raises 400 for input that cannot be read."""
        fields = fields_of(body)
        if fields.raw("status") == b'"failed"':
            self.forget(call.response.previous_id or "")
        elif call.fields.raw("store") == b"false":
            await offload(len(call.body) + len(body), self._remember, call, owner, target, fields)

    def _remember(self, call: Call, owner: str, target: Target, fields: Fields) -> None:
        body = fields.body
        if target.keeps_responses:
            body = patch(fields, {"output": _readable(fields.raw("output") or b"[]")})
        response_id = _string(fields.raw("id") or b"null") or call.response.id
        items = msgspec.json.encode(input_items(call))
        self._put(Remembered(StoredResponse(response_id, owner, call.model, items, body, time.time()), _continued(call)))

    def warm(self, call: Call, owner: str, body: bytes) -> None:
        """Remembers an empty response that no upstream has made. Raises 400 for input that cannot be read."""
        before = self.recall(call.response.previous_id or "", owner)
        said = msgspec.json.encode(input_items(call))
        items = msgspec.json.encode([*before.context(), *_items(said)]) if before else said
        response = StoredResponse(call.response.id, owner, call.model, items, body, time.time())
        self._put(Remembered(response, before.continues if before else call.response.previous_id))

    def recall(self, response_id: str, owner: str) -> Remembered | None:
        """The response of that id, if it is remembered, and was that owner's."""
        remembered = (self._last[stream_id] for stream_id in self._streams.get(response_id, ()))
        return next((each for each in remembered if each.response.owner == owner), None)

    def forget(self, response_id: str) -> None:
        """Forgets it."""
        for stream_id in tuple(self._streams.get(response_id, ())):
            self._drop(stream_id)

    def _put(self, remembered: Remembered) -> None:
        self._drop(self.stream_id)
        self._last[self.stream_id] = remembered
        self._streams.setdefault(remembered.response.id, set()).add(self.stream_id)
        self._bytes += remembered.size()
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._last)))

    def _drop(self, stream_id: str) -> None:
        dropped = self._last.pop(stream_id, None)
        if dropped is None:
            return
        self._bytes -= dropped.size()
        streams = self._streams[dropped.response.id]
        streams.discard(stream_id)
        if not streams:
            del self._streams[dropped.response.id]


def _continued(call: Call) -> str | None:
    """The outside id of the upstream's response that the call continues."""
    upstream_id = _string(call.fields.raw("previous_response_id") or b"null")
    seal = call.response.seal
    return seal(call.pinned, upstream_id) if upstream_id and call.pinned and seal is not None else None


def _readable(output: bytes) -> bytes:
    """The items without reasoning that its upstream has not kept and could not read again."""
    return msgspec.json.encode([raw for raw in _items(output) if not _lost(msgspec.json.decode(raw))])


def _lost(item: Json) -> bool:
    return item.get("type") == "reasoning" and not item.get("encrypted_content")
