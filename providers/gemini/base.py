"""How is Google's Gemini called, wherever it is? Its own wire is patched; embeddings and pictures are put in its words.

Reference: the Generative Language API, v1beta, and Vertex AI, v1beta1, as google-genai 3.6 calls them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import time
from typing import Any

import msgspec

from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson, Patched, fields_of, patched
from providers.canonical.codec import Traits
from providers.capabilities import Capability
from providers.errors import InvalidResponse, Unsupported
from providers.gemini import embeddings, images
from providers.google_auth.access import Access
from providers.http_vendor import HttpVendor, Vendor
from providers.offload import offload
from providers.openai_compatible.either_form import OpenAIStream, as_whole
from providers.openai_compatible.images import ReplyEvents
from providers.transport import Head, Transport, UpstreamReply, UpstreamRequest
from providers.types import Call, Reply, ReplyStream, TargetConfig, Wire
from providers.wire import openai_embedding, openai_image
from providers.wire.gemini.either_form import ANSWERED
from providers.wire.openai.good_answer import error_in, failure_in_text

WHOLE, STREAMED, COUNT = "generateContent", "streamGenerateContent?alt=sse", "countTokens"
UNTOLD = 500
"""The status of an error that came with a good one; the error tells its own."""
AT_ONCE = 4
"""Requests of one call that are under way together."""


class GeminiBase(HttpVendor):
    """One target of Google's. `path` is that of its model, to which a verb is added."""

    embedding_fields = frozenset({"task_type", "title"})
    """Fields of embedding calls that OpenAI has not."""

    listed_in = Wire.GEMINI
    listed_after = "pageToken"
    unlisted = (
        "Vertex AI's list is of what Google has, not of what a project may call: add models by hand, with the name that Vertex AI"
        " has for them as the upstream model"
    )

    def __init__(self, config: TargetConfig, vendor: Vendor, access: Access, base: str, path: str) -> None:
        super().__init__(config, vendor, access.key)
        self.traits = Traits(model=config.upstream_model)
        self._tokens = access.tokens
        self._base = base
        self._path = path
        self._verbs: dict[str, Head] = {}
        self._head_of(WHOLE)  # finds a bad address at once

    def head_for(self, capability: Capability) -> Head:
        return self._head_of(WHOLE)

    async def generate_content(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        """See `GenerateContent`."""
        body = self._body(call)
        if call.stream:
            request = self._request(call, body, STREAMED, transport)
            return OpenAIStream(await self.opened(request, Wire.GEMINI, transport), Wire.GEMINI, (), request.timeouts.total)
        answer = self.good(await transport.fetch(self._request(call, body, WHOLE, transport)), Wire.GEMINI)
        fields = await offload(len(answer), _answer, answer)
        return Reply(wire=Wire.GEMINI, body=fields.body, fields=fields)

    async def count_tokens(self, call: Call, transport: Transport) -> int:
        """The tokens of a request in Gemini's wire, as its own tokenizer counts them. Raises `ProviderError`."""
        body = msgspec.json.encode(self.counting(msgspec.json.decode(bytes(self._body(call)))))
        told = await self._asked(call, body, COUNT, transport)
        total = told.get("totalTokens")
        if not isinstance(total, int):
            raise InvalidResponse("the count has no totalTokens")
        return total

    async def embed(self, call: Call, transport: Transport) -> Reply:
        """See `Embedding`. More texts than one request takes are sent in several."""
        wanted = await offload(len(call.body), embeddings.asked, call.fields)
        way = self.embedding(wanted)
        lossy = self._left_out(call, wanted.left)
        bodies = [msgspec.json.encode({**body, **self._more()}) for body in way.bodies]
        answers = await self._all(call, bodies, way.verb, transport)
        made = await offload(sum(map(len, bodies)), embeddings.answer, answers, call.model, len(wanted.texts))
        body = msgspec.json.encode(made)
        reply = Reply(wire=call.wire, body=body, fields=fields_of(body), lossy=lossy)
        return await offload(len(body), openai_embedding.in_format, reply, openai_embedding.format_of(call.fields))

    async def generate_image(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        """See `ImageGeneration`. Each picture is a request of its own."""
        asking, number, left = images.asking(openai_image.asked(call))
        lossy = self._left_out(call, left)
        bodies = [msgspec.json.encode({**asking, **self._more()})] * number
        answers = await self._all(call, bodies, WHOLE, transport)
        made = images.answer(answers, openai_image.format_of(call), int(time()))
        if call.stream:
            return ReplyEvents(call, made, lossy)
        body = await offload(sum(len(item.get("b64_json", "")) for item in made["data"]), msgspec.json.encode, made)
        return Reply(wire=call.wire, body=body, fields=fields_of(body), lossy=lossy)

    def counting(self, body: dict[str, Any]) -> dict[str, Any]:
        """What asks for the tokens of a request."""
        raise NotImplementedError

    def embedding(self, wanted: embeddings.Asked) -> embeddings.Way:
        """How embeddings are asked for."""
        raise NotImplementedError

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidResponse("the answer is not JSON") from error
        if not isinstance(value, dict):
            raise InvalidResponse("the answer is no object")
        if value.keys() == {"error"}:
            raise self.wires[Wire.GEMINI].failure_of(UNTOLD, [], body)
        return value

    def _head_of(self, verb: str) -> Head:
        head = self._verbs.get(verb)
        if head is None:
            head = self._verbs[verb] = self.head(f"{self._path}:{verb}", base=self._base)
        return head

    def _request(self, call: Call, body: bytes | Patched, verb: str, transport: Transport) -> UpstreamRequest:
        request = self.request(call, body, self._head_of(verb))
        return request if self._tokens is None else self._tokens.signing(request, transport)

    def _body(self, call: Call) -> bytes | Patched:
        """The client's body without what is the gateway's own, with the operator's fields; the model stands in the path."""
        changes: dict[str, bytes | None] = {name: None for name in call.fields.spans if name.startswith("tensorzero::")}
        changes["model"] = None
        changes.update(self.config.extra_body)
        return patched(call.fields, changes)

    def _more(self) -> Mapping[str, Any]:
        return {name: msgspec.Raw(raw) for name, raw in self.config.extra_body.items()}

    def _left_out(self, call: Call, names: tuple[str, ...]) -> tuple[str, ...]:
        if names and call.strict:
            message = f"{self._vendor.label} does not support the parameter {names[0]!r}."
            raise Unsupported(400, message, code="unsupported_parameter", param=names[0])
        return names

    async def _all(self, call: Call, bodies: list[bytes], verb: str, transport: Transport) -> list[dict[str, Any]]:
        """The answers to several requests, in order. The first failure ends the others."""
        if len(bodies) == 1:
            return [await self._asked(call, bodies[0], verb, transport)]
        free = asyncio.Semaphore(AT_ONCE)

        async def one(body: bytes) -> dict[str, Any]:
            async with free:
                return await self._asked(call, body, verb, transport)

        tasks = [asyncio.ensure_future(one(body)) for body in bodies]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _asked(self, call: Call, body: bytes, verb: str, transport: Transport) -> dict[str, Any]:
        reply: UpstreamReply = await transport.fetch(self._request(call, body, verb, transport))
        answer = self.good(reply, Wire.GEMINI)
        return await offload(len(answer), self._object, answer)


def _answer(body: bytes) -> Fields:
    """A whole answer, which has candidates, or says why there are none. Raises what an error in its place means."""
    body = as_whole(body, Wire.GEMINI)
    try:
        fields = told_fields(body)
    except InvalidJson as error:
        raise (failure_in_text(body) or InvalidResponse("the answer is no object")) from error
    if not fields.spans.keys() & ANSWERED:
        raise error_in(fields) or InvalidResponse("the answer has no candidates")
    return fields
