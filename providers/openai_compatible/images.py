"""How does an OpenAI-compatible vendor generate and edit images?

Formats: OpenAI's OpenAPI document of August 2026, `/images/*`.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import time
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.data_url import JsonWithFiles
from providers.bytes.patch import Fields, fields_of, patch
from providers.errors import InvalidResponse
from providers.http_vendor import read_all
from providers.offload import offload
from providers.openai_compatible.base import VendorBase
from providers.transport import MAX_REPLY_BYTES, Transport, UpstreamRequest, find_header
from providers.types import EVENT_STREAM, Call, Reply, ReplyStream
from providers.wire import openai_image
from providers.wire.openai import good_answer

JSON = b"application/json"
OTHER_FORM = MappingProxyType({"b64_json": b'"data:image/', "url": b'"b64_json"'})
"""What an answer contains that is not, or not entirely, in the requested form."""


class ImageMethods(VendorBase):
    """Generation, edits and variations of images."""

    async def generate_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        return await self.pictures(self.request(call, self.body(call)), call, transport)

    async def edit_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        return await self.pictures(self._with_images(call), call, transport)

    async def vary_image(self, call: Call, transport: Transport) -> Reply:
        return await self._whole(self._with_images(call), call, transport)

    async def pictures(self, request: UpstreamRequest, call: Call, transport: Transport) -> Reply | ReplyStream:
        """The answer to a request in OpenAI's format. A stream of an upstream that knows none is made of its whole answer."""
        if not call.stream:
            return await self._whole(request, call, transport)
        stream = await self.stream(request, call, transport)
        if (find_header(stream.headers, b"content-type") or b"").lower().startswith(b"text/event-stream"):
            return stream
        stream.extend(self.config.timeouts.streamed.total)
        try:
            body = await read_all(stream, MAX_REPLY_BYTES)
        finally:
            stream.close()
        return ReplyEvents(call, await offload(len(body), _values_of, body), stream.lossy)

    def asked(self, call: Call) -> dict[str, Any]:
        """The fields of a request as values (see `openai_image.asked`), without those that are the operator's."""
        left = self.operators.sent(call)
        return {name: value for name, value in openai_image.asked(call).items() if name not in left}

    def made_body(self, fields: Mapping[str, Any]) -> JsonWithFiles:
        """The JSON body of a request in the vendor's own format."""
        return JsonWithFiles({**fields, **{name: msgspec.Raw(raw) for name, raw in self.config.extra_body.items()}})

    async def answered(self, call: Call, answer: Mapping[str, Any], lossy: tuple[str, ...] = ()) -> Reply | ReplyStream:
        """An answer that was made here, in OpenAI's format, as the client wants it: whole or as a stream."""
        if call.stream:
            return ReplyEvents(call, answer, lossy)
        fields = await offload(_size(answer), _encoded, answer)
        return Reply(wire=call.wire, body=fields.body, fields=fields, lossy=lossy)

    def _with_images(self, call: Call) -> UpstreamRequest:
        if call.form is not None:
            return self.encoded(call, {})
        return self.request(call, self.body(call), content_type=JSON)

    async def _whole(self, request: UpstreamRequest, call: Call, transport: Transport) -> Reply:
        body = self.good(await transport.fetch(request), call.wire)
        fields = await offload(len(body), _answer_of, body, openai_image.format_of(call))
        return Reply(wire=call.wire, body=fields.body, fields=fields, lossy=self.dropped(call))


class ReplyEvents:
    """A stream of one `completed` event for each image of a whole answer."""

    content_type = EVENT_STREAM

    def __init__(self, call: Call, answer: Mapping[str, Any], lossy: tuple[str, ...] = ()) -> None:
        self.wire = call.wire
        self.lossy = lossy
        self._size = _size(answer)
        self._frames = openai_image.events_of(call, answer, int(time()))

    async def next(self) -> bytes:
        return await offload(self._size, next, self._frames, b"")

    def extend(self, seconds: float) -> None:
        """Nothing is waited for."""

    def close(self) -> None:
        """It holds no connection."""


def _size(answer: Mapping[str, Any]) -> int:
    return sum(len(str(item.get("b64_json", ""))) for item in answer["data"])


def _encoded(answer: Mapping[str, Any]) -> Fields:
    return fields_of(msgspec.json.encode(answer))


def _answer_of(body: bytes, wanted: str | None) -> Fields:
    fields = pictures_of(body)
    other = OTHER_FORM.get(wanted or "")
    if other is None or other not in body:
        return fields
    made = [openai_image.in_format(item, wanted) for item in _values_of(body)["data"]]
    return fields_of(patch(fields, {"data": msgspec.json.encode(made)}))


def pictures_of(body: bytes) -> Fields:
    """The fields of an answer that has a picture. Raises the error that it carries instead, or `InvalidResponse`."""
    fields = good_answer.answer_of(body, "data")
    if not good_answer.pictures_in(fields.raw("data") or b""):
        raise InvalidResponse("the answer has no image")
    return fields


def _values_of(body: bytes) -> dict[str, Any]:
    pictures_of(body)
    answer: dict[str, Any] = msgspec.json.decode(body)
    items = answer["data"]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise InvalidResponse("the images cannot be read")
    return answer
