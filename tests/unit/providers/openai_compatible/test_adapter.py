"""Does each OpenAI-compatible vendor get its own address, key header and field names, and nothing else changed?"""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from typing import Any

import pytest

from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.errors import CallerError, ConfigurationError, InvalidResponse, Overloaded, OwnCredentialError, RateLimited
from providers.openai_compatible.adapter import OpenAICompatibleAdapter
from providers.openai_compatible.presets import PRESETS
from providers.registry import provider_type
from providers.transport import Headers, UpstreamReply, UpstreamRequest, UpstreamStream
from providers.types import Call, Credential, Secret, TargetConfig, Wire

KEY = "sk-upstream-0123456789"
PRESET = {preset.name: preset for preset in PRESETS if Capability.CHAT in preset.paths}
APPS = ("azure_openai", "fireworks", "mistral", "ollama", "together", "xai")
"""Vendors with an adapter of their own."""
OWN_BASE = "http://127.0.0.1:9/base"
COMPLETION = b'{"id":"c1","model":"up","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}]}'


class Stream:
    """A streamed answer with a whole body."""

    def __init__(self, reply: UpstreamReply) -> None:
        self.status, self.headers = reply.status, reply.headers
        self._parts = [reply.body[i : i + 7] for i in range(0, len(reply.body), 7)]
        self.closed = False

    async def next(self) -> bytes:
        return self._parts.pop(0) if self._parts else b""

    def extend(self, seconds: float) -> None:
        """It is never late."""

    def close(self) -> None:
        self.closed = True


class Upstream:
    """A transport that answers every request with the same reply and keeps what it was asked."""

    def __init__(self, status: int = 200, body: bytes = COMPLETION, headers: Headers | None = None) -> None:
        self.reply = UpstreamReply(status, headers or [], body)
        self.requests: list[UpstreamRequest] = []
        self.streams: list[Stream] = []

    async def fetch(self, request: UpstreamRequest) -> UpstreamReply:
        self.requests.append(request)
        return self.reply

    async def stream(self, request: UpstreamRequest) -> UpstreamStream:
        self.requests.append(request)
        self.streams.append(Stream(self.reply))
        return self.streams[-1]


def config(name: str, **fields: Any) -> TargetConfig:
    base = "" if provider_type(name).api_base else OWN_BASE
    usual: dict[str, Any] = {"api_base": base, "credential": Credential(secret=Secret(KEY)), "upstream_model": "up/model"}
    return TargetConfig(id="t1", provider="p", provider_type=name, **(usual | fields))


def adapter(name: str = "openai", **fields: Any) -> OpenAICompatibleAdapter:
    made = provider_type(name).build(config(name, **fields))
    assert isinstance(made, OpenAICompatibleAdapter)
    return made


def call(body: bytes = b'{"model":"public","messages":[]}', **fields: Any) -> Call:
    return Call(
        capability=Capability.CHAT,
        wire=Wire.OPENAI_CHAT,
        model="public",
        body=body,
        fields=fields_of(body),
        request_id="r1",
        **fields,
    )


async def sent(
    name: str = "openai", body: bytes = b'{"model":"public","messages":[]}', *, call_fields: Any = None, **fields: Any
) -> UpstreamRequest:
    upstream = Upstream()
    made = call(body, **(call_fields or {}))
    await (adapter(name, **fields).stream_chat if made.stream else adapter(name, **fields).chat)(made, upstream)
    return upstream.requests[0]


def url_of(request: UpstreamRequest) -> str:
    scheme, host, port = request.head.origin
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}{request.head.path}"


ADDRESSES = {
    "openai": "https://api.openai.com:443/v1/chat/completions",
    "azure_openai": "http://127.0.0.1:9/base/openai/deployments/up%2Fmodel/chat/completions?api-version=2024-10-21",
    "together": "https://api.together.ai:443/v1/chat/completions",
    "xai": "https://api.x.ai:443/v1/chat/completions",
    "fireworks": "https://api.fireworks.ai:443/inference/v1/chat/completions",
    "mistral": "https://api.mistral.ai:443/v1/chat/completions",
    "groq": "https://api.groq.com:443/openai/v1/chat/completions",
    "deepseek": "https://api.deepseek.com:443/v1/chat/completions",
    "openrouter": "https://openrouter.ai:443/api/v1/chat/completions",
    "hyperbolic": "https://api.hyperbolic.xyz:443/v1/chat/completions",
    "cerebras": "https://api.cerebras.ai:443/v1/chat/completions",
    "perplexity": "https://api.perplexity.ai:443/chat/completions",
    "nvidia": "https://integrate.api.nvidia.com:443/v1/chat/completions",
    "cohere": "https://api.cohere.ai:443/compatibility/v1/chat/completions",
    "deepinfra": "https://api.deepinfra.com:443/v1/openai/chat/completions",
    "nebius": "https://api.tokenfactory.nebius.com:443/v1/chat/completions",
    "novita": "https://api.novita.ai:443/openai/v1/chat/completions",
    "sambanova": "https://api.sambanova.ai:443/v1/chat/completions",
    "vllm": "http://127.0.0.1:9/base/chat/completions",
    "sglang": "http://127.0.0.1:9/base/chat/completions",
    "tgi": "http://127.0.0.1:9/base/chat/completions",
    "lm_studio": "http://127.0.0.1:1234/v1/chat/completions",
    "llama_cpp": "http://127.0.0.1:8080/v1/chat/completions",
    "ollama": "http://127.0.0.1:11434/v1/chat/completions",
    "openai_compatible": "http://127.0.0.1:9/base/chat/completions",
}


def test_presets_when_listed_then_each_address_is_checked_here() -> None:
    assert set(ADDRESSES) == {*PRESET, *APPS}


@pytest.mark.parametrize("name", ADDRESSES)
async def test_vendor_when_called_then_at_its_address_with_its_key_header(name: str) -> None:
    request = await sent(name)
    assert request.head.method == "POST"
    assert url_of(request) == ADDRESSES[name]
    expected = ("api-key", KEY) if name == "azure_openai" else ("authorization", f"Bearer {KEY}")
    headers = dict(request.head.headers)
    assert headers == {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "signalbox",
        expected[0]: expected[1],
    }


@pytest.mark.parametrize("name", ADDRESSES)
async def test_vendor_when_called_then_only_the_model_changes(name: str) -> None:
    body = b'{"model" : "public", "messages":[{"role":"user","content":"model"}], "unknown":[1.50]}'
    request = await sent(name, body)
    assert request.body == body.replace(b'"public"', b'"up/model"')


@pytest.mark.parametrize("name", [name for name in ADDRESSES if name != "mistral"])
async def test_stream_when_asked_of_a_vendor_then_usage_is_asked_for(name: str) -> None:
    body = b'{"model":"public","stream":true,"stream_options":{"include_obfuscation":false}}'
    request = await sent(name, body, call_fields={"stream": True})
    options = {"include_obfuscation": False, "include_usage": True}
    assert json.loads(bytes(request.body)) == {"model": "up/model", "stream": True, "stream_options": options}


@pytest.mark.parametrize("body", [b'{"model":"public","stream":true,"stream_options":{}}', b'{"model":"public","stream":true}'])
async def test_stream_when_asked_of_mistral_then_stream_options_are_left_out(body: bytes) -> None:
    request = await sent("mistral", body, call_fields={"stream": True})
    assert json.loads(bytes(request.body)) == {"model": "up/model", "stream": True}


@pytest.mark.parametrize(
    "name",
    ["together", "fireworks", "deepseek", "hyperbolic", "perplexity", "nvidia", "tgi", "ollama", "mistral", "cohere", "novita"],
)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"max_completion_tokens": 5, "max_tokens": 6}, {"max_tokens": 6}),
        ({"max_tokens": 6}, {"max_tokens": 6}),
        ({}, {}),
    ],
)
async def test_limit_when_the_vendor_has_the_old_name_then_renamed(
    name: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    request = await sent(name, json.dumps({"model": "public", **given}).encode())
    assert json.loads(bytes(request.body)) == {"model": "up/model", **expected}


@pytest.mark.parametrize(("name", "field"), [("mistral", "random_seed"), ("openai", "seed"), ("groq", "seed")])
async def test_seed_when_sent_then_under_the_vendors_name(name: str, field: str) -> None:
    request = await sent(name, b'{"model":"public","seed":7}')
    assert json.loads(bytes(request.body)) == {"model": "up/model", field: 7}


async def test_gateway_fields_when_sent_then_none_goes_upstream() -> None:
    body = b'{"tensorzero::credentials":{"k":"secret"},"model":"public","tensorzero::tags":{}}'
    request = await sent(body=body)
    assert json.loads(bytes(request.body)) == {"model": "up/model"}


async def test_extra_body_when_configured_then_set_over_what_the_client_sent() -> None:
    request = await sent(body=b'{"model":"public","top_k":1}', extra_body={"top_k": b"5", "safe": b'{"x":[1]}'})
    assert json.loads(bytes(request.body)) == {"model": "up/model", "top_k": 5, "safe": {"x": [1]}}


async def test_extra_headers_when_configured_then_sent_and_stronger() -> None:
    request = await sent(extra_headers=(("X-Team", "blue"), ("User-Agent", "own"), ("Authorization", "Basic x")))
    headers = dict(request.head.headers)
    assert (headers["x-team"], headers["user-agent"], headers["authorization"]) == ("blue", "own", "Basic x")


async def test_headers_of_the_call_when_given_then_sent_with_the_request_alone() -> None:
    traced = ((b"x-request-id", b"r1"), (b"traceparent", b"00-1"))
    assert (await sent(call_fields={"headers": traced})).headers == traced


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://h.example", "http://h.example:80/chat/completions"),
        ("https://h.example/v1/", "https://h.example:443/v1/chat/completions"),
        ("https://h.example:8443/v1/chat/completions", "https://h.example:8443/v1/chat/completions"),
        ("https://H.Example/a b/ü", "https://h.example:443/a%20b/%C3%BC/chat/completions"),
        ("https://h.example/a%2Fb", "https://h.example:443/a%2Fb/chat/completions"),
        ("https://bücher.example", "https://xn--bcher-kva.example:443/chat/completions"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/chat/completions"),
        ("http://my_service:1/v1", "http://my_service:1/v1/chat/completions"),
        ("https://h.example/v1?team=a b&x=%20", "https://h.example:443/v1/chat/completions?team=a%20b&x=%20"),
    ],
)
async def test_api_base_when_given_then_it_replaces_the_vendors_address(base: str, url: str) -> None:
    assert url_of(await sent(api_base=base)) == url


@pytest.mark.parametrize(
    ("base", "options", "model", "url"),
    [
        ("https://r.example", {}, "gpt-4o", "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"),
        (
            "https://r.example/",
            {"deployment_id": "d/1"},
            "m",
            "/openai/deployments/d%2F1/chat/completions?api-version=2024-10-21",
        ),
        (
            "https://r.example",
            {"api_version": "2025-01-01&x"},
            "m",
            "/openai/deployments/m/chat/completions?api-version=2025-01-01%26x",
        ),
        (
            "https://r.example",
            {"api_version": "", "deployment_id": None},
            "m",
            "/openai/deployments/m/chat/completions?api-version=2024-10-21",
        ),
        ("https://r.example/openai/v1", {"deployment_id": "d"}, "m", "/openai/v1/chat/completions"),
        ("https://r.example/openai/", {}, "m", "/openai/deployments/m/chat/completions?api-version=2024-10-21"),
        ("https://r.example?x=1", {}, "m", "/openai/deployments/m/chat/completions?api-version=2024-10-21&x=1"),
    ],
)
async def test_azure_when_called_then_the_deployment_stands_in_the_path(
    base: str, options: dict[str, Any], model: str, url: str
) -> None:
    request = await sent("azure_openai", api_base=base, options=options, upstream_model=model)
    assert url_of(request) == "https://r.example:443" + url


@pytest.mark.parametrize(
    "base",
    [
        "ftp://h.example",
        "h.example/v1",
        "https://",
        "https:///v1",
        "https://h.example:99999",
        "https://h.example:port",
        "https://user:pass@h.example",
        "https://:pass@h.example",
        "https://h.example/#part",
        "https://[::1",
        "https://h ost.example",
        "https://" + "a" * 64 + ".example",
        "https://a..example",
        "https://h.example\\@evil.example",
    ],
)
def test_api_base_when_it_is_no_address_then_configuration_error_names_the_field(base: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        adapter(api_base=base)
    assert raised.value.field == "api_base"


@pytest.mark.parametrize("name", [name for name, preset in PRESET.items() if not preset.api_base])
def test_api_base_when_the_vendor_has_none_and_none_is_given_then_configuration_error(name: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        adapter(name, api_base="")
    assert raised.value.field == "api_base"


@pytest.mark.parametrize("value", ["a\r\nhost: evil", "a\nb", "a\0b", "€"])
def test_extra_header_when_it_cannot_be_sent_then_configuration_error(value: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        adapter(extra_headers=(("x-a", value),))
    assert raised.value.field == "extra_headers"
    with pytest.raises(ConfigurationError) as raised:
        adapter(credential=Credential(secret=Secret(f"{KEY}{value}")))
    assert KEY not in f"{raised.value!r}{raised.value}{traceback.format_exception(raised.value)}{raised.value.__cause__!r}"


# Credentials


async def test_key_when_there_is_none_then_no_header_carries_one() -> None:
    request = await sent("vllm", credential=Credential())
    assert {"authorization", "api-key"}.isdisjoint(dict(request.head.headers))


@pytest.mark.parametrize(
    ("name", "header"), [("openai", (b"authorization", b"Bearer theirs")), ("azure_openai", (b"api-key", b"theirs"))]
)
async def test_dynamic_key_when_the_request_brings_it_then_sent_with_that_request(name: str, header: tuple[bytes, bytes]) -> None:
    brought = {"credentials": {"team": Secret("theirs"), "other": Secret("no")}, "headers": ((b"x-request-id", b"r1"),)}
    request = await sent(name, call_fields=brought, credential=Credential(dynamic="team"))
    assert request.headers == ((b"x-request-id", b"r1"), header)
    assert {"authorization", "api-key"}.isdisjoint(dict(request.head.headers))


async def test_dynamic_key_when_the_request_brings_none_then_the_caller_is_told_which() -> None:
    upstream = Upstream()
    with pytest.raises(OwnCredentialError, match="team"):
        await adapter(credential=Credential(dynamic="team")).chat(call(credentials={"other": Secret("x")}), upstream)
    assert upstream.requests == []


@pytest.mark.parametrize("key", ["a\r\nx-evil: 1", "a\nb", "a\0b", "é", "€"])
async def test_dynamic_key_when_it_cannot_be_sent_then_the_caller_is_at_fault(key: str) -> None:
    upstream = Upstream()
    with pytest.raises(CallerError) as raised:
        await adapter(credential=Credential(dynamic="team")).chat(call(credentials={"team": Secret(key)}), upstream)
    assert (raised.value.upstream_status, raised.value.param) == (400, "tensorzero::credentials")
    assert key not in raised.value.message
    assert upstream.requests == []


def test_key_when_the_adapter_is_shown_then_never_in_it() -> None:
    made = adapter()
    shown = [repr(made), str(made), repr(made.config), repr(vars(made))]
    assert not any(KEY in text for text in shown)


# Answers


async def test_chat_when_the_answer_is_good_then_its_fields() -> None:
    reply = await adapter().chat(call(), Upstream())
    assert (reply.wire, reply.body, reply.content_type) == (Wire.OPENAI_CHAT, COMPLETION, b"application/json")


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"id":1}'])
async def test_chat_when_the_answer_is_no_completion_then_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        await adapter().chat(call(), Upstream(body=body))


ERRORS: Sequence[Any] = [
    (429, [(b"retry-after", b"9")], RateLimited, 9.0),
    (503, [], Overloaded, None),
    (400, [], CallerError, None),
    (402, [], RateLimited, None),
]


@pytest.mark.parametrize(("status", "headers", "kind", "retry_after"), ERRORS)
async def test_answer_when_its_status_is_bad_then_the_failure_of_both_methods(
    status: int, headers: Headers, kind: type[Exception], retry_after: float | None
) -> None:
    upstream = Upstream(status, b'{"error":{"message":"No."}}', headers)
    for method in (adapter().chat, adapter().stream_chat):
        with pytest.raises(kind, match=r"No\.") as raised:
            await method(call(), upstream)
        assert getattr(raised.value, "retry_after", None) == retry_after
    assert [stream.closed for stream in upstream.streams] == [True]


async def test_stream_when_the_status_is_good_then_its_bytes_untouched() -> None:
    body = b"data: \xff anything \r\n\r\n" * 3
    stream = await adapter().stream_chat(call(stream=True), Upstream(body=body))
    parts = []
    while part := await stream.next():
        parts.append(part)
    assert b"".join(parts) == body
