"""How is AWS Bedrock called? Conversations by Converse, but those of Anthropic's models, and numbers and ranks, by `InvokeModel`
in the forms of the models' makers.

Reference: `bedrock-runtime` of botocore 1.44.8. A model's name, or its ARN, stands in the path, encoded; the signature encodes it
once more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from providers.anthropic.betas import BEDROCK, HEADER
from providers.anthropic.rules import VERSION, MessageRules, bedrock_fields
from providers.aws.chain import source_of
from providers.aws.credentials import AccessKey, ApiKey, credentials_in
from providers.aws.signer import AwsSigner
from providers.aws.sigv4 import Scope
from providers.bedrock import embeddings, models, ranking
from providers.bedrock.address import BASE, base_of, read_address, region_of
from providers.bedrock.messages import MessageStream
from providers.bytes.event_stream import CONTENT_TYPE
from providers.bytes.patch import patched
from providers.canonical.codec import Traits
from providers.capabilities import Capability
from providers.errors import CallerError, CredentialError, InvalidResponse, UpstreamFailed
from providers.http_vendor import HttpVendor
from providers.offload import offload
from providers.protocols import wires_of
from providers.registry import ProviderType, register
from providers.signing import KeyHeader, Signer
from providers.transport import Head, Origin, Transport, UpstreamStream
from providers.types import Call, Reply, ReplyStream, TargetConfig, Wire
from providers.wire.bedrock_converse.errors import failure_of
from providers.wire.openai.good_answer import answer_of
from providers.wire.over_http import OVER_HTTP, OverHttp

SERVICE = "bedrock"
"""What signatures are for; the host is called otherwise."""
COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")
"""Fields of Converse that `CountTokens` takes."""
NOT_COUNTED = 501
NO_COUNT = re.compile(r"support.{0,60}count|count.{0,60}support", re.IGNORECASE)
OWN = frozenset({VERSION, HEADER})
WIRES: Mapping[Wire, OverHttp] = MappingProxyType({wire: replace(of, failure_of=failure_of) for wire, of in OVER_HTTP.items()})
"""Whatever is asked of Bedrock, it fails as Bedrock does."""


@dataclass(frozen=True, slots=True)
class Region:
    """Bedrock in one region."""

    api_base: str
    label: str = "AWS Bedrock"


class BedrockAdapter(HttpVendor):
    """One model of Bedrock."""

    unlisted = (
        "Bedrock's list is kept by another service than the one that serves models, with rights of its own, and does not say what"
        " the account may call: add models by hand, with the id of the model or of its inference profile as the upstream model"
    )

    def __init__(self, config: TargetConfig) -> None:
        self._region = region_of(config.api_base, config.options)
        super().__init__(config, Region(base_of(self._region)), signer_of(config, self._region), WIRES)
        self._rules = MessageRules(config, "bedrock", BEDROCK)
        self.traits = Traits(model=f"{config.upstream_model} {config.model}", api_version=self._rules.version)
        self._heads[Capability.CHAT] = self.head_for(Capability.CHAT)  # finds a bad address at once
        self._streamed = self.operation("converse-stream")
        self._invoked = self.operation("invoke")
        self._invoked_streamed = self.operation("invoke-with-response-stream")
        self._counted = self.operation("count-tokens")

    def head_for(self, capability: Capability) -> Head:
        return self.operation("converse" if capability is Capability.CHAT else "invoke")

    def operation(self, name: str) -> Head:
        """The head of an operation on the model."""
        return self.head(f"/model/{quote(self.config.upstream_model, safe='')}/{name}")

    def place_of(self, address: str) -> tuple[Origin, str, str]:
        return super().place_of(read_address(address)[0])

    async def converse(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        body = patched(call.fields, {"model": None, **self.config.extra_body})
        if call.stream:
            stream = await self.opened(self.request(call, body, self._streamed), call.wire, transport)
            return ConverseStream(stream)
        answer = await transport.fetch(self.request(call, body))
        given = self.good(answer, call.wire)
        fields = await offload(len(given), answer_of, given, "output")
        return Reply(wire=call.wire, body=fields.body, fields=fields)

    async def create_message(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        asked = self._rules.asked(call)
        body = self._rules.body(call, asked, bedrock_fields(asked))
        call = without_own_headers(call)
        if call.stream:
            stream = await self.opened(self.request(call, body, self._invoked_streamed), call.wire, transport)
            return MessageStream(stream, asked.lossy)
        answer = await transport.fetch(self.request(call, body, self._invoked))
        given = self.good(answer, call.wire)
        fields = await offload(len(given), answer_of, given, "content")
        return Reply(wire=call.wire, body=fields.body, fields=fields, lossy=asked.lossy)

    async def count_tokens(self, call: Call, transport: Transport) -> int:
        """The tokens of the call's request. Raises `ProviderError`; one of status 501 where the model counts none."""
        if call.wire is Wire.ANTHROPIC_MESSAGES:
            return await self._count_message(call, transport)
        fields = call.fields
        said = b",".join(b'"%b":%b' % (name.encode(), raw) for name in COUNTED if (raw := fields.raw(name)) is not None)
        return await self._count(call, b'{"converse":{%b}}' % said, transport)

    async def _count_message(self, call: Call, transport: Transport) -> int:
        """A message is counted as the body of an `InvokeModel`, which must have a limit."""
        asked = self._rules.asked(call)
        limit = call.fields.raw("max_tokens")
        more = {"max_tokens": b"1" if limit in (None, b"null") else limit}
        body = bytes(self._rules.body(call, asked, {**bedrock_fields(asked), **more}))
        given = msgspec.json.encode({"invokeModel": {"body": body}})
        return await self._count(without_own_headers(call), given, transport)

    async def _count(self, call: Call, given: bytes, transport: Transport) -> int:
        """What `CountTokens` says of an input."""
        request = self.request(call, b'{"input":%b}' % given, self._counted)
        answer = await transport.fetch(request)
        try:
            fields = answer_of(self.good(answer, call.wire), "inputTokens")
        except CallerError as error:
            if not NO_COUNT.search(error.message):
                raise
            raise UpstreamFailed(error.message, upstream_status=NOT_COUNTED) from error
        raw = fields.raw("inputTokens") or b""
        if not raw.isdigit():
            raise InvalidResponse("the tokens are no number")
        return int(raw)

    async def embed(self, call: Call, transport: Transport) -> Reply:
        asked = embeddings.asked(call, models.form_of(self.config.upstream_model))

        async def told(body: bytes) -> embeddings.Told:
            answer = await transport.fetch(self.request(call, body))
            given = self.good(answer, call.wire)
            return await offload(len(given), embeddings.told, given, answer.header(embeddings.TOKENS))

        parts = await embeddings.gathered(told, asked.bodies)
        return await offload(sum(map(len, parts)), embeddings.reply, call, asked, parts)

    async def rerank(self, call: Call, transport: Transport) -> Reply:
        asked = ranking.asked(call, self.config.upstream_model)
        answer = await transport.fetch(self.request(call, asked.body))
        return ranking.reply(call, asked, answer_of(self.good(answer, call.wire), "results"))


def without_own_headers(call: Call) -> Call:
    """The call without the headers that say here what stands in the body there."""
    headers = tuple(header for header in call.headers if header[0] not in OWN)
    return call if len(headers) == len(call.headers) else msgspec.structs.replace(call, headers=headers)


class ConverseStream:
    """A `ReplyStream` of event stream frames, as they come."""

    lossy: tuple[str, ...] = ()
    wire = Wire.BEDROCK_CONVERSE
    content_type = CONTENT_TYPE

    def __init__(self, stream: UpstreamStream) -> None:
        self.headers = stream.headers
        self.next, self.extend, self.close = stream.next, stream.extend, stream.close


def signer_of(config: TargetConfig, region: str) -> KeyHeader | Signer:
    """What proves who sends the requests of a target: an API key in a header, or a signature by the access key that is its own,
    that the request brings, or that a profile of the machine has. Raises `ConfigurationError`."""
    credential, profile = config.credential, str(config.options.get("profile") or "")
    own = credentials_in(credential.secret.reveal()) if credential.secret else None
    if isinstance(own, ApiKey) or (own is None and credential.dynamic is None and not profile):
        return KeyHeader(credential, lambda key: ("authorization", f"Bearer {key}"))
    source = source_of(profile) if profile and own is None and credential.dynamic is None else _nobodys
    return AwsSigner(credential, Scope(region, SERVICE), source)


async def _nobodys() -> AccessKey | ApiKey:
    raise CredentialError("there is no credential")


register(
    ProviderType(
        name="bedrock",
        label="AWS Bedrock",
        build=BedrockAdapter,
        wires=wires_of(BedrockAdapter),
        lacks=models.lacks,
        without=models.without,
        api_base=BASE,
        key_variable="AWS_BEARER_TOKEN_BEDROCK",
        needs_key=False,
        options=("region", "profile", "api_version"),
        read_address=read_address,
    )
)
