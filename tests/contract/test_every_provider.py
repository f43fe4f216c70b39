"""Does every registered provider type keep the contract of its capabilities, its configuration and its secrets?"""

from __future__ import annotations

import json
import traceback
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from providers.capabilities import METHODS, Capability, capabilities_of
from providers.errors import ConfigurationError, CredentialError, ProviderError, RateLimited, UpstreamFailed
from providers.protocols import Chat
from providers.registry import ProviderType, UnknownProviderType, provider_type, provider_types, register
from providers.transport.slim import SlimTransport
from providers.types import Call, Credential, Secret, TargetConfig, Wire
from providers.wire.patch import fields_of
from tests.contract.upstream import COMPLETION, STREAM, Upstream, running
from tests.unit.openai_api.parts import TLS

KEY = "sk-contract-0123456789abcdef"
MODEL = "vendor/model 1"
TYPES = list(provider_types())
ONLINE = [known for known in TYPES if not known.offline]
every_type = pytest.mark.parametrize("known", TYPES, ids=lambda known: known.name)
every_online_type = pytest.mark.parametrize("known", ONLINE, ids=lambda known: known.name)
every_chat_type = pytest.mark.parametrize(
    "known", [known for known in ONLINE if Capability.CHAT in known.capabilities], ids=lambda known: known.name
)
SENT = {"host", "content-length", "content-type", "accept-encoding", "user-agent", "x-request-id"}
"""The headers that may go upstream, besides the one with the key."""


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with running() as upstream:
        yield upstream


@pytest.fixture
async def transport() -> AsyncIterator[SlimTransport]:
    transport = SlimTransport(context=TLS)
    yield transport
    await transport.aclose()


def config(known: ProviderType, **fields: Any) -> TargetConfig:
    usual: dict[str, Any] = {
        "api_base": "" if known.offline else "https://upstream.example/base",
        "credential": Credential(secret=Secret(KEY)),
        "options": dict.fromkeys(known.required_options, "given"),
    }
    return TargetConfig(id="t1", provider="p1", provider_type=known.name, upstream_model=MODEL, **(usual | fields))


def chat_of(known: ProviderType, **fields: Any) -> Chat:
    adapter = known.target(config(known, **fields)).adapter
    assert isinstance(adapter, Chat)
    return adapter


def call(*, stream: bool = False, **fields: Any) -> Call:
    body = json.dumps(
        {"model": "public", "messages": [{"role": "user", "content": "é"}], "stream": stream, "unknown": [1]}
    ).encode()
    return Call(
        capability=Capability.CHAT,
        wire=Wire.OPENAI_CHAT,
        model="public",
        body=body,
        fields=fields_of(body),
        request_id="r1",
        stream=stream,
        headers=((b"x-request-id", b"r1"),),
        **fields,
    )


# The registry


def test_registry_when_a_name_is_taken_then_refused() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        register(TYPES[0])


def test_registry_when_a_name_is_unknown_then_the_known_ones_are_listed() -> None:
    with pytest.raises(UnknownProviderType) as raised:
        provider_type("nobody")
    assert all(known.name in str(raised.value) for known in TYPES)


@every_type
def test_type_when_registered_then_its_facts_are_complete(known: ProviderType) -> None:
    assert provider_type(known.name) is known
    assert known.name.isidentifier()
    assert known.name == known.name.lower()
    assert [other.name for other in TYPES if other.label == known.label] == [known.name]
    assert set(known.required_options) <= set(known.options)
    assert known.key_variable.endswith("_KEY") if known.needs_key else True
    if known.api_base:
        url = urlsplit(known.api_base)
        assert url.scheme == "https" or url.hostname == "127.0.0.1"
        assert not known.api_base.endswith("/")


# Building


@every_type
def test_target_when_built_then_its_capabilities_are_those_of_its_methods(known: ProviderType) -> None:
    target = known.target(config(known))
    assert known.capabilities == capabilities_of(type(target.adapter)) != frozenset()
    assert all(callable(getattr(target.adapter, name)) for capability in known.capabilities for name in METHODS[capability])
    assert (target.id, target.provider, target.upstream_model) == ("t1", "p1", MODEL)
    assert target.adapter.config == config(known)


@every_type
def test_target_when_shown_then_the_secret_is_not(known: ProviderType) -> None:
    target = known.target(config(known))
    adapter = target.adapter
    assert not [
        text for text in (repr(target), repr(adapter), str(adapter), repr(vars(adapter)), repr(adapter.config)) if KEY in text
    ]


@every_type
def test_target_when_it_has_no_credential_then_built_all_the_same(known: ProviderType) -> None:
    known.target(config(known, credential=Credential()))
    known.target(config(known, credential=Credential(dynamic="team")))


@every_online_type
def test_target_when_no_address_is_given_then_the_types_own_or_a_configuration_error(known: ProviderType) -> None:
    if known.api_base:
        known.target(config(known, api_base=""))
        return
    with pytest.raises(ConfigurationError) as raised:
        known.target(config(known, api_base=""))
    assert raised.value.field == "api_base"


@every_online_type
@pytest.mark.parametrize(
    "base", ["ftp://h.example", "h.example", "https://", "https://h:99999", "https://u:p@h.example", "https://a b"]
)
def test_target_when_the_address_is_bad_then_configuration_error(known: ProviderType, base: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        known.target(config(known, api_base=base))
    assert raised.value.field == "api_base"
    assert raised.value.message


@every_online_type
@pytest.mark.parametrize("bad", ["\r\nx-evil: 1", "\n", "\0", "€"])
def test_target_when_a_header_cannot_be_sent_then_configuration_error_without_the_secret(known: ProviderType, bad: str) -> None:
    for fields in ({"extra_headers": (("x-a", bad),)}, {"credential": Credential(secret=Secret(KEY + bad))}):
        with pytest.raises(ConfigurationError) as raised:
            known.target(config(known, **fields))
        assert KEY not in "".join(traceback.format_exception(raised.value)) + repr(raised.value.__cause__)


# Calling


def check(seen: Any, known: ProviderType, *, stream: bool, key: str | None) -> None:
    """The request went to the address given, for the upstream's model, with the key once and with nothing of ours."""
    assert seen.method == "POST"
    assert seen.path.startswith("/base/")
    assert seen.body["model"] == MODEL or quote(MODEL, safe="") in seen.path
    assert seen.body.get("stream", False) is stream
    assert seen.body["messages"] == [{"role": "user", "content": "é"}]
    assert seen.body["unknown"] == [1]
    carrying = [(name, value) for name, value in seen.headers if key is not None and key in value]
    assert len(carrying) == (key is not None)
    assert not [name for name, _ in seen.headers if name not in SENT | {name for name, _ in carrying}]
    assert KEY not in seen.path + json.dumps(seen.body)
    if known.name != "azure_openai" and key is not None:
        assert carrying == [("authorization", f"Bearer {key}")]


@every_chat_type
async def test_chat_when_called_then_sent_to_the_given_address_and_its_answer_kept(
    known: ProviderType, upstream: Upstream, transport: SlimTransport
) -> None:
    reply = await chat_of(known, api_base=upstream.base).chat(call(), transport)
    assert (reply.wire, reply.fields.body) == (Wire.OPENAI_CHAT, COMPLETION)
    (seen,) = upstream.seen
    check(seen, known, stream=False, key=KEY)


@every_chat_type
async def test_stream_when_called_then_sent_to_the_given_address_and_its_bytes_kept(
    known: ProviderType, upstream: Upstream, transport: SlimTransport
) -> None:
    stream = await chat_of(known, api_base=upstream.base).stream_chat(call(stream=True), transport)
    received = b""
    while part := await stream.next():
        received += part
    stream.close()
    stream.close()
    assert (stream.wire, received) == (Wire.OPENAI_CHAT, STREAM)
    (seen,) = upstream.seen
    check(seen, known, stream=True, key=KEY)


@every_chat_type
@pytest.mark.parametrize(
    ("credential", "key"), [(Credential(), None), (Credential(dynamic="team"), "sk-theirs")], ids=["none", "dynamic"]
)
async def test_chat_when_the_credential_is_another_then_only_that_is_sent(
    known: ProviderType, credential: Credential, key: str | None, upstream: Upstream, transport: SlimTransport
) -> None:
    made = call(credentials={"team": Secret("sk-theirs"), "other": Secret("sk-other")})
    await chat_of(known, api_base=upstream.base, credential=credential).chat(made, transport)
    check(upstream.seen[0], known, stream=False, key=key)


@every_chat_type
@pytest.mark.parametrize(("status", "kind"), [(401, CredentialError), (429, RateLimited), (500, UpstreamFailed)])
async def test_call_when_the_upstream_fails_then_a_provider_error_without_the_key(
    known: ProviderType, status: int, kind: type[ProviderError], upstream: Upstream, transport: SlimTransport
) -> None:
    upstream.status = status
    adapter = chat_of(known, api_base=upstream.base)
    for method, stream in ((adapter.chat, False), (adapter.stream_chat, True)):
        with pytest.raises(kind) as raised:
            await method(call(stream=stream), transport)
        assert KEY not in f"{raised.value!r}{raised.value.public_message}{vars(raised.value)}"


@pytest.mark.parametrize("known", [known for known in TYPES if known.offline], ids=lambda known: known.name)
async def test_offline_type_when_called_then_it_answers_without_a_connection(
    known: ProviderType, transport: SlimTransport
) -> None:
    reply = await chat_of(known).chat(call(), transport)
    assert b'"choices"' in reply.fields.body
    stream = await chat_of(known).stream_chat(call(stream=True), transport)
    assert (await stream.next()).startswith(b"data: ")
    stream.close()
    assert transport.counters() == {}
