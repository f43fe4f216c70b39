"""How is Ollama called? By its OpenAI-compatible paths as other vendors are, and by its own API.

Reference: Ollama of August 2026, `server/routes.go`. Two types of provider: `ollama` has both, so that clients of either kind get
their own format passed through; `ollama_native` has Ollama's alone, into which every other format is converted, so that thoughts
and options (`num_ctx`) are told as Ollama knows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

import msgspec

from providers.bytes.ndjson import NDJSON
from providers.bytes.patch import Fields
from providers.capabilities import Capability
from providers.errors import CallerError
from providers.offload import offload
from providers.ollama import embedding
from providers.ollama.address import HERE, openai_base, server_of
from providers.ollama.prompt import prompt_of
from providers.openai_compatible.adapter import OpenAICompatibleAdapter, register_preset
from providers.openai_compatible.base import VendorBase
from providers.openai_compatible.presets import EMBEDDING, OLD_LIMIT, RESPONSES, TEXT, Preset, Quirk, paths
from providers.transport import Head, Origin, Transport, UpstreamRequest, UpstreamStream
from providers.types import Call, Reply, ReplyStream, TargetConfig
from providers.wire.ollama.errors import answer_of
from providers.wire.ollama.lines_to_answer import as_whole
from providers.wire.openai_embedding import format_of

NO_THINKING = re.compile(r"does not support thinking")
OWN: Mapping[Capability, str] = MappingProxyType({Capability.CHAT: "/api/chat", Capability.EMBEDDING: "/api/embed"})
NATIVE = Preset(
    "ollama_native",
    "Ollama, its own API",
    HERE,
    "OLLAMA_API_KEY",
    needs_key=False,
    paths=OWN,
    quirks=frozenset({Quirk.NO_STREAM_OPTIONS}),
)
BOTH = Preset(
    "ollama",
    "Ollama",
    f"{HERE}/v1",
    needs_key=False,
    paths=paths(TEXT, EMBEDDING, RESPONSES),
    renames=OLD_LIMIT,
)


class Lines:
    """The stream of a server, its bytes untouched."""

    content_type = NDJSON.content_type

    def __init__(self, stream: UpstreamStream, call: Call, lossy: tuple[str, ...]) -> None:
        self.wire, self.lossy = call.wire, lossy
        self.next, self.extend, self.close = stream.next, stream.extend, stream.close


class NativeAdapter(VendorBase):
    """One model of an Ollama server, by its own API."""

    native_embedding: ClassVar[bool] = True
    """Takes the fields of `/api/embed` that OpenAI's format has not."""
    listed_at = "/api/tags"

    def __init__(self, config: TargetConfig) -> None:
        self._thinks = True
        """False once the model was found not to."""
        self._prompts: Head | None = None
        super().__init__(config, NATIVE)

    def place_of(self, address: str) -> tuple[Origin, str, str]:
        return super().place_of(server_of(address))

    async def ollama_chat(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        """A request that was converted is asked again without `think` by whose model cannot: clients of other formats want
        thoughts where there are any (Ollama does so itself for those of Anthropic). Ollama's own clients are told."""
        if not call.include_usage or "think" not in call.fields.spans or call.strict:
            return await self._chat(call, transport)
        if self._thinks:
            try:
                return await self._chat(call, transport)
            except CallerError as error:
                if not NO_THINKING.search(error.message):
                    raise
            self._thinks = False
        return await self._chat(call, transport, ("think",))

    async def _chat(self, call: Call, transport: Transport, without: tuple[str, ...] = ()) -> Reply | ReplyStream:
        return await self._answered(call, transport, dict.fromkeys(without), None, "message", without)

    async def _answered(
        self,
        call: Call,
        transport: Transport,
        changes: dict[str, bytes | None],
        head: Head | None,
        field: str,
        without: tuple[str, ...] = (),
    ) -> Reply | ReplyStream:
        """The stream, or the whole answer, which has that field."""
        if (call.fields.raw("stream") in (None, b"null", b"true")) is not call.stream:
            changes["stream"] = b"true" if call.stream else b"false"
        request = self.request(call, self.body(call, changes), head)
        lossy = (*self.dropped(call), *without)
        if call.stream:
            return Lines(await self.opened(request, call.wire, transport), call, lossy)
        body = self.good(await transport.fetch(request), call.wire)
        fields: Fields = await offload(len(body), _whole, body, field)
        return Reply(wire=call.wire, body=fields.body, fields=fields, lossy=lossy)

    async def ollama_generate(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        """The answer to a prompt, which is told as a chat with the further fields of `/api/generate`. Messages that are more than
        a prompt go to `/api/chat`."""
        changes = prompt_of(call.fields)
        if changes is None:
            return await self._chat(call, transport)
        if self._prompts is None:
            self._prompts = self.head("/api/generate")
        return await self._answered(call, transport, changes, self._prompts, "done")

    async def embed(self, call: Call, transport: Transport) -> Reply:
        said, count, left = embedding.request_of(call.fields)
        lossy = self.left_out(call, left)
        own = {name: msgspec.Raw(raw) for name, raw in self.config.extra_body.items()}
        sent = msgspec.json.encode({"model": self.config.upstream_model, **said, **own})
        body = self.good(await transport.fetch(self.request(call, sent)), call.wire)
        return await offload(len(body), embedding.answer_of, body, format_of(call.fields), count, lossy)


def _whole(body: bytes, field: str) -> Fields:
    return answer_of(as_whole(body), field)


class OllamaAdapter(OpenAICompatibleAdapter):
    """One model of an Ollama server, by its OpenAI-compatible paths; calls in Ollama's own format go to its own API."""

    native_embedding: ClassVar[bool] = True

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config, BOTH)
        self._native = NativeAdapter(replace(config, api_base=server_of(config.api_base)))

    def place_of(self, address: str) -> tuple[Origin, str, str]:
        return super().place_of(openai_base(address))

    def listing(self, mark: str = "") -> UpstreamRequest:
        return self._native.listing(mark)

    async def ollama_chat(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        return await self._native.ollama_chat(call, transport)

    async def ollama_generate(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        return await self._native.ollama_generate(call, transport)

    async def embed(self, call: Call, transport: Transport) -> Reply:
        own = not embedding.OWN.isdisjoint(call.fields.spans)
        return await (self._native.embed(call, transport) if own else super().embed(call, transport))


register_preset(NATIVE, NativeAdapter, NativeAdapter, read_address=lambda address: (server_of(address), {}))
register_preset(BOTH, OllamaAdapter, OllamaAdapter, read_address=lambda address: (openai_base(address), {}))
