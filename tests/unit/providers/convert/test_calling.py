"""Is a target asked in the wire of the call where it speaks that, in another through a conversion, and never in a wrong one?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

import providers.openai_compatible.adapter  # noqa: F401 - registers the provider types
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.convert.calling import ask, wire_for
from providers.errors import FailureClass, Unsupported
from providers.protocols import METHODS, serving, wires_of
from providers.registry import provider_type
from providers.types import Call, Reply, Target, Wire
from tests.unit.providers.openai_compatible.test_adapter import COMPLETION, Upstream, config, url_of

CHAT = b'{"model": "public",  "messages": [{"role":"user","content":"hi"}], "unknown": 1.50}'
RESPONSES = b'{"model": "public",  "input": "hi", "unknown": 1.50}'
RESPONSE = b'{"id":"resp_1","object":"response","status":"completed","model":"up","output":[]}'


def call(wire: Wire, body: bytes) -> Call:
    capability = METHODS[wire].capability
    return Call(capability=capability, wire=wire, model="public", body=body, fields=fields_of(body), request_id="r1")


def target(kind: str, wires: Mapping[Capability, tuple[Wire, ...]] | None = None) -> Target:
    made = provider_type(kind).target(config(kind))
    return made if wires is None else replace(made, wires=wires)


async def asked(kind: str, wire: Wire, body: bytes, answer: bytes) -> tuple[str, bytes, Any]:
    """The path and the body of the upstream request, and the answer to the client."""
    upstream = Upstream(body=answer)
    reply = await ask(target(kind), call(wire, body), upstream)
    assert isinstance(reply, Reply)
    [request] = upstream.requests
    return url_of(request).partition("/v1")[2], bytes(request.body), json.loads(reply.body)


async def test_call_when_the_target_speaks_both_wires_then_its_bytes_are_patched() -> None:
    path, body, _ = await asked("openai", Wire.OPENAI_CHAT, CHAT, COMPLETION)
    assert (path, body) == ("/chat/completions", CHAT.replace(b'"public"', b'"up/model"'))
    path, body, _ = await asked("openai", Wire.OPENAI_RESPONSES, RESPONSES, RESPONSE)
    assert (path, body) == ("/responses", RESPONSES.replace(b'"public"', b'"up/model"'))


async def test_call_when_the_target_speaks_another_wire_then_it_is_converted() -> None:
    path, body, answer = await asked("deepseek", Wire.OPENAI_RESPONSES, b'{"model":"public","input":"hi"}', COMPLETION)
    assert (path, json.loads(body)["messages"]) == ("/chat/completions", [{"role": "user", "content": "hi"}])
    assert answer["output"][0]["content"][0]["text"] == "Hi"
    path, body, answer = await asked("openai_responses", Wire.OPENAI_CHAT, CHAT.replace(b', "unknown": 1.50', b""), RESPONSE)
    assert (path, answer["object"]) == ("/responses", "chat.completion")


@pytest.mark.parametrize(
    "wires",
    [
        {},
        {Capability.EMBEDDING: (Wire.OPENAI_EMBEDDING,)},
        {Capability.CHAT: (Wire.OPENAI_COMPLETION,)},  # a wire to which nothing is converted
    ],
)
async def test_call_when_it_cannot_be_converted_then_it_is_refused_and_nothing_is_sent(
    wires: Mapping[Capability, tuple[Wire, ...]],
) -> None:
    upstream = Upstream()
    with pytest.raises(Unsupported, match="'openai_chat'") as caught:
        await ask(target("openai", wires), call(Wire.OPENAI_CHAT, CHAT), upstream)
    assert upstream.requests == []
    assert (caught.value.failure, caught.value.upstream_code) == (FailureClass.UNSUPPORTED, "unsupported_format")


def test_wire_when_several_can_be_converted_to_then_the_best_one_is_asked_in() -> None:
    both = {Capability.RESPONSES: (Wire.OPENAI_COMPLETION, Wire.OPENAI_CHAT)}
    assert wire_for(target("openai", both), call(Wire.OPENAI_RESPONSES, RESPONSES)) is Wire.OPENAI_CHAT


def test_wires_when_one_conversation_is_spoken_then_all_are_served() -> None:
    assert serving({Wire.OPENAI_CHAT}) == {
        Capability.CHAT: (Wire.OPENAI_CHAT,),
        Capability.RESPONSES: (Wire.OPENAI_CHAT,),
    }
    both = serving({Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES, Wire.OPENAI_EMBEDDING})
    assert both == {
        Capability.CHAT: (Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES),
        Capability.RESPONSES: (Wire.OPENAI_RESPONSES, Wire.OPENAI_CHAT),
        Capability.EMBEDDING: (Wire.OPENAI_EMBEDDING,),
    }
    assert serving({Wire.OPENAI_EMBEDDING}) == {Capability.EMBEDDING: (Wire.OPENAI_EMBEDDING,)}


def test_wires_when_an_adapter_lacks_a_method_then_they_are_not_its_own() -> None:
    class Half:
        def chat(self) -> None: ...

        def embed(self) -> None: ...

    assert wires_of(Half) == {Wire.OPENAI_EMBEDDING}


def test_every_wire_has_methods() -> None:
    assert set(METHODS) == set(Wire)


def test_type_when_its_model_lacks_a_capability_then_the_target_does_not_serve_it() -> None:
    known = replace(provider_type("openai"), lacks=lambda model: frozenset({Capability.CHAT} if model == "old" else ()))
    assert known.wires_of("new")[Capability.CHAT] == (Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES)
    assert known.wires_of("old")[Capability.CHAT] == (Wire.OPENAI_RESPONSES,)
    assert known.capabilities_of("old") == known.capabilities
