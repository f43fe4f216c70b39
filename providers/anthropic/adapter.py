"""How is the Messages API called, at Anthropic and elsewhere? Bytes are patched, never re-encoded; the row says what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import msgspec

from providers.anthropic.betas import HEADER
from providers.anthropic.rows import ROWS, Row
from providers.anthropic.rules import VERSION, Asked, MessageRules
from providers.bytes.patch import Fields
from providers.canonical.codec import Traits
from providers.capabilities import Capability
from providers.errors import InvalidResponse
from providers.http_vendor import HttpVendor
from providers.offload import offload
from providers.openai_compatible.either_form import OpenAIStream, as_whole
from providers.protocols import wires_of
from providers.registry import ProviderType, register
from providers.transport import Head, Origin, RequestHeader, Transport, UpstreamRequest
from providers.types import Adapter, Call, Reply, ReplyStream, TargetConfig, Wire
from providers.wire.openai.good_answer import answer_of

OWN = frozenset({VERSION, HEADER})
"""Headers of the client's that are sent as the host wants them."""
OWN_NAMES = frozenset(name.decode() for name in OWN)
NOTHING_MORE: Mapping[str, bytes | None] = {}


class AnthropicAdapter(HttpVendor):
    """One model at one host."""

    def __init__(self, config: TargetConfig, row: Row) -> None:
        self.row = row
        own = {name.lower().encode("latin-1", "replace"): value for name, value in config.extra_headers}
        kept = tuple((name, value) for name, value in config.extra_headers if name.lower() not in OWN_NAMES)
        if len(kept) < len(config.extra_headers):
            config = replace(config, extra_headers=kept)
        proof = row.proof(config)
        super().__init__(config, row, proof.signer)
        self.rules = MessageRules(config, row.name, row.known, own)
        self._as_they_came = row.known is None and not self.rules.betas
        self.traits = Traits(model=config.upstream_model, api_version=self.rules.version)
        self._tokens = proof.tokens
        paths, head = row.paths(config), partial(self.head, base=row.base(config))
        self.listed_after = "after_id"
        self.listed_at = "/v1/models?limit=1000" if row.known is None else ""
        self._whole, self._streamed, self._counted = map(head, (paths.whole, paths.streamed, paths.counted))

    def listing_headers(self) -> tuple[RequestHeader, ...]:
        return ((VERSION, self.rules.version.encode()),)

    def head_for(self, capability: Capability) -> Head:
        return self._whole

    def place_of(self, address: str) -> tuple[Origin, str, str]:
        return super().place_of(self.row.address(address)[0])

    async def create_message(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        asked = self.rules.asked(call)
        if call.stream:
            request = self._request(call, asked, self._streamed, transport)
            stream = await self.opened(request, call.wire, transport)
            return OpenAIStream(stream, call.wire, asked.lossy, request.timeouts.total)
        answer = await transport.fetch(self._request(call, asked, self._whole, transport))
        body = self.good(answer, call.wire)
        fields = await offload(len(body), _whole, body, call.wire)
        return Reply(wire=call.wire, body=fields.body, fields=fields, lossy=asked.lossy)

    async def count_tokens(self, call: Call, transport: Transport) -> int:
        """The tokens of the call's request, which is not answered. Raises `ProviderError`."""
        asked = self.rules.asked(call)
        request = self._request(call, asked, self._counted, transport, self.rules.counted(call, asked))
        answer = await transport.fetch(request)
        return _tokens_in(answer_of(self.good(answer, call.wire), "input_tokens"))

    def _request(
        self, call: Call, asked: Asked, head: Head, transport: Transport, more: Mapping[str, bytes | None] = NOTHING_MORE
    ) -> UpstreamRequest:
        if not (self._as_they_came and asked.chosen):
            headers = [header for header in call.headers if header[0] not in OWN]
            call = msgspec.structs.replace(call, headers=(*headers, *self.row.headers(asked)))
        request = self.request(call, self.rules.body(call, asked, {**self.row.fields(asked), **more}), head)
        return self._tokens.signing(request, transport) if self._tokens else request


def _whole(body: bytes, wire: Wire) -> Fields:
    return answer_of(as_whole(body, wire), "content")


def _tokens_in(fields: Fields) -> int:
    try:
        return msgspec.json.decode(fields.raw("input_tokens") or b"", type=int)
    except msgspec.DecodeError as error:
        raise InvalidResponse("the number of tokens cannot be read") from error


def _builder(row: Row) -> Callable[[TargetConfig], Adapter]:
    return partial(AnthropicAdapter, row=row)


for _row in ROWS:
    register(
        ProviderType(
            name=_row.name,
            label=_row.label,
            build=_builder(_row),
            wires=wires_of(AnthropicAdapter),
            api_base=_row.api_base,
            key_variable=_row.key_variable,
            options=tuple(_row.options),
            required_options=tuple(name for name, default in _row.options.items() if default is None),
            read_address=_row.address,
        )
    )
