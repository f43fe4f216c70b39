"""Does every registered provider type keep the contract of its capabilities, its configuration and its secrets?"""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from providers.capabilities import Capability
from providers.convert.calling import ask
from providers.errors import ConfigurationError, CredentialError, ProviderError, RateLimited, UpstreamFailed
from providers.protocols import METHODS, wires_of
from providers.registry import ProviderType, UnknownProviderType, provider_type, provider_types, register
from providers.transport.slim import SlimTransport
from providers.types import Call, Credential, Reply, Secret, TargetConfig, Wire
from tests.contract.examples import BY_CAPABILITY, BY_WIRE, CAPABLE, Example
from tests.contract.upstream import (
    ANSWERS,
    KEY_HEADERS,
    MODELS,
    MORE_SENT,
    STREAM,
    STREAMING,
    TALKS,
    VENDORS,
    Seen,
    Upstream,
    running,
)
from tests.unit.openai_api.parts import TLS

KEY = "sk-contract-0123456789abcdef"
MODEL = "vendor/model 1"
TYPES = list(provider_types())
ONLINE = [known for known in TYPES if not known.offline]
every_type = pytest.mark.parametrize("known", TYPES, ids=lambda known: known.name)
every_online_type = pytest.mark.parametrize("known", ONLINE, ids=lambda known: known.name)
ELSEWHERE = {("bedrock", Wire.ANTHROPIC_MESSAGES)}
"""Messages in frames of AWS, by models of one maker alone: tests/integration/test_vendor_bedrock_messages.py."""
ABLE = [
    (known, BY_WIRE[wire]) for known in ONLINE for wire in METHODS if wire in known.wires and (known.name, wire) not in ELSEWHERE
]
"""Every online type with a request in each wire that it speaks."""
REPLAY = "replay"
"""It has only what was recorded: tests/integration/test_replay_provider.py."""


def _id(value: ProviderType | Example) -> str:
    if isinstance(value, ProviderType):
        return value.name
    return value.capability.value if value is BY_CAPABILITY[value.capability] else value.wire.value


every_ability = pytest.mark.parametrize(("known", "example"), ABLE, ids=_id)
every_stream = pytest.mark.parametrize(
    ("known", "example"), [(known, example) for known, example in ABLE if example.streams], ids=_id
)
every_offline_ability = pytest.mark.parametrize(
    ("known", "capability"),
    [(known, capability) for known in TYPES if known.offline and known.name != REPLAY for capability in CAPABLE],
    ids=lambda value: getattr(value, "name", value).lower(),
)
SENT = {"host", "content-length", "content-type", "accept", "accept-encoding", "user-agent", "x-request-id"}
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
        "upstream_model": MODEL,
    }
    return TargetConfig(id="t1", provider="p1", provider_type=known.name, **(usual | fields))


async def answer_of(known: ProviderType, made: Call, transport: SlimTransport, **fields: Any) -> tuple[Wire, bytes]:
    """Calls the method of the call's capability; the wire and all bytes of its answer."""
    fields |= {"upstream_model": MODELS.get((known.name, made.capability), MODEL)}
    answer = await ask(known.target(config(known, **fields)), made, transport)
    if isinstance(answer, Reply):
        assert not made.stream
        return answer.wire, answer.body
    received = b""
    while part := await answer.next():
        received += part if isinstance(part, bytes) else b"".join(part)
    answer.close()
    answer.close()
    return answer.wire, received


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
    assert frozenset() < known.wires <= wires_of(type(target.adapter))
    names = [name for wire in known.wires for name in METHODS[wire][1:]]
    assert all(callable(getattr(target.adapter, name)) for name in names)
    assert target.wires == known.wires_of(MODEL)
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


def check(seen: Seen, known: ProviderType, example: Example, key: str | None) -> None:
    """The request went to the address given, with the key once and with nothing of ours; on the wire of the client also for
    the upstream's model and with the client's fields."""
    assert seen.path.startswith("/base/")
    carrying = [(name, value) for name, value in seen.headers if key is not None and key in value]
    assert len(carrying) == (key is not None)
    usual = SENT | MORE_SENT.get(example.wire, set()) | {name for name, _ in carrying}
    assert not [name for name, _ in seen.headers if name not in usual]
    assert KEY not in seen.path
    assert KEY.encode() not in seen.body
    if key is not None:
        assert carrying == [(KEY_HEADERS[known.name], key) if known.name in KEY_HEADERS else ("authorization", f"Bearer {key}")]
    if example.wire in TALKS or (known.name, example.capability) not in VENDORS:
        check_same_wire(seen, example)


def check_same_wire(seen: Seen, example: Example) -> None:
    assert seen.method == "POST"
    assert seen.is_form is bool(example.files)
    assert seen.fields.get("model") == MODEL or quote(MODEL, safe="") in seen.path
    assert seen.fields["unknown"] == "1"
    assert example.fields.items() <= seen.fields.items()
    assert seen.files == [(name, filename, data, kind) for name, filename, data, kind in example.files]


def prepare(upstream: Upstream, known: ProviderType, example: Example) -> bytes:
    """What the upstream will say for a vendor; b"" where that is not what the client gets."""
    if example.wire in TALKS:
        return TALKS[example.wire].answer
    own = VENDORS.get((known.name, example.capability))
    upstream.answers.update(own or {})
    return ANSWERS[example.capability] if own is None else b""


@every_ability
async def test_method_when_called_then_sent_to_the_given_address_and_its_answer_kept(
    known: ProviderType, example: Example, upstream: Upstream, transport: SlimTransport
) -> None:
    expected = prepare(upstream, known, example)
    wire, body = await answer_of(known, example.call(), transport, api_base=upstream.base)
    assert wire is example.wire
    assert body == expected if expected else body
    assert upstream.seen
    for seen in upstream.seen:
        check(seen, known, example, KEY)
        assert seen.fields.get("stream") in (None, False)


@every_stream
async def test_stream_when_called_then_sent_to_the_given_address_and_its_bytes_kept(
    known: ProviderType, example: Example, upstream: Upstream, transport: SlimTransport
) -> None:
    answer = await answer_of(known, example.call(stream=True), transport, api_base=upstream.base)
    assert answer == (example.wire, TALKS[example.wire].stream if example.wire in TALKS else STREAM)
    (seen,) = upstream.seen
    check(seen, known, example, KEY)
    assert seen.path.partition("?")[0].endswith(STREAMING) or seen.fields["stream"] is True


@every_ability
@pytest.mark.parametrize(
    ("credential", "key"), [(Credential(), None), (Credential(dynamic="team"), "sk-theirs")], ids=["none", "dynamic"]
)
async def test_method_when_the_credential_is_another_then_only_that_is_sent(
    known: ProviderType,
    example: Example,
    credential: Credential,
    key: str | None,
    upstream: Upstream,
    transport: SlimTransport,
) -> None:
    prepare(upstream, known, example)
    made = example.call(credentials={"team": Secret("sk-theirs"), "other": Secret("sk-other")})
    await answer_of(known, made, transport, api_base=upstream.base, credential=credential)
    check(upstream.seen[0], known, example, key)


@every_ability
@pytest.mark.parametrize(("status", "kind"), [(401, CredentialError), (429, RateLimited), (500, UpstreamFailed)])
async def test_method_when_the_upstream_fails_then_a_provider_error_without_the_key(
    known: ProviderType,
    example: Example,
    status: int,
    kind: type[ProviderError],
    upstream: Upstream,
    transport: SlimTransport,
) -> None:
    prepare(upstream, known, example)
    upstream.status = status
    for stream in (False, True)[: 1 + example.streams]:
        with pytest.raises(kind) as raised:
            await answer_of(known, example.call(stream=stream), transport, api_base=upstream.base)
        assert KEY not in f"{raised.value!r}{raised.value.public_message}{vars(raised.value)}"


@every_offline_ability
async def test_offline_type_when_called_then_it_answers_without_a_connection(
    known: ProviderType, capability: Capability, transport: SlimTransport
) -> None:
    example = BY_CAPABILITY[capability]
    wire, body = await answer_of(known, example.call(), transport)
    assert wire is example.wire
    assert body
    if example.streams:
        _, events = await answer_of(known, example.call(stream=True), transport)
        assert events.startswith(b"data: ")
    assert transport.counters() == {}
