"""Is a large body worked upon in a thread, a small one without that hop, and does the answer say the same? Which relay is it?"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from openai_api.context import Inbound
from openai_api.dialects.openai import OPENAI
from openai_api.http.outlet import HttpOutlet
from openai_api.pipeline.adapt import relay_of
from openai_api.pipeline.exchange import attempt, exchange_of
from openai_api.pipeline.streams import Answer
from openai_api.recording.events import Record
from providers import offload
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.offload import LARGE
from providers.types import Call, Credential, Reply, ResponseContext, Secret, Target, Wire
from providers.wire.openai_chat.relay import ChatStreamRelay
from providers.wire.openai_responses.relay import ResponsesRelay
from tests.unit.openai_api.parts import Exchange, Site, target
from tests.unit.providers.openai_compatible.test_adapter import Upstream

BASE = "http://127.0.0.1:9/v1"
KEY = Credential(secret=Secret("sk-upstream-0123456789"))
WIRES = {
    Capability.CHAT: Wire.OPENAI_CHAT,
    Capability.RESPONSES: Wire.OPENAI_RESPONSES,
    Capability.EMBEDDING: Wire.OPENAI_EMBEDDING,
}


class Counting(ThreadPoolExecutor):
    """Counts what it is given to do."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given = 0

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given += 1
        return super().submit(*args, **kwargs)


def completion(text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "up", "choices": [choice]}


def response(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    return {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "up", "output": [item]}


def embeddings(text: str) -> dict[str, Any]:
    vector = {"object": "embedding", "index": 0, "embedding": [0.5] * 8, "note": text}
    return {"object": "list", "model": "up", "data": [vector]}


def output(answer: dict[str, Any]) -> str:
    return str(answer["output"][0]["content"][0]["text"])


def content(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def note(answer: dict[str, Any]) -> str:
    assert isinstance(answer["data"][0]["embedding"], str)
    return str(answer["data"][0]["note"])


CASES = {
    "native response": ("openai", Capability.RESPONSES, response, output),
    "response by chat": ("deepseek", Capability.RESPONSES, completion, output),
    "chat by responses": ("openai_responses", Capability.CHAT, response, content),
    "embedding": ("openai", Capability.EMBEDDING, embeddings, note),
}
REQUESTS: dict[Capability, Callable[[str], dict[str, Any]]] = {
    Capability.CHAT: lambda text: {"messages": [{"role": "user", "content": text}]},
    Capability.RESPONSES: lambda text: {"input": text},
    Capability.EMBEDDING: lambda text: {"input": text, "encoding_format": "base64"},
}


def call(capability: Capability, text: str) -> Call:
    body = json.dumps({"model": "public", **REQUESTS[capability](text)}).encode()
    return Call(
        capability=capability,
        wire=WIRES[capability],
        model="public",
        body=body,
        fields=fields_of(body),
        request_id="req_1",
        response=ResponseContext(id="resp_outside"),
    )


async def adapt(made: Call, upstream: Upstream, to: Target) -> Answer:
    """One try of an exchange."""
    outlet = HttpOutlet(Exchange(()).send, "POST", "r1", OPENAI)
    inbound = Inbound("r1", "POST", "/v1/x", "", {}, made.body, Record("r1", "POST", "/v1/x"), outlet)
    return await attempt(exchange_of(replace(Site().gateway, transport=upstream), inbound, made), to)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [10, 2 * LARGE])
async def test_answer_when_large_is_made_in_a_thread_and_says_the_same(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, capability, body, said = CASES[name]
    executor = Counting()
    monkeypatch.setattr(offload, "WORKER", executor)
    upstream, to = Upstream(body=json.dumps(body("x" * size)).encode()), target("1", "up", kind, api_base=BASE, credential=KEY)
    answer = await adapt(call(capability, "short"), upstream, to)
    assert isinstance(answer, Reply)
    assert said(json.loads(answer.body)) == "x" * size
    assert (executor.given > 0) == (size > LARGE)


@pytest.mark.parametrize("name", ["response by chat", "chat by responses"])
async def test_request_when_large_is_converted_in_a_thread(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, capability, body, _ = CASES[name]
    executor = Counting()
    monkeypatch.setattr(offload, "WORKER", executor)
    upstream, to = Upstream(body=json.dumps(body("short")).encode()), target("1", "up", kind, api_base=BASE, credential=KEY)
    await adapt(call(capability, "x" * 2 * LARGE), upstream, to)
    assert executor.given == 1
    assert len(bytes(upstream.requests[0].body)) > LARGE


STREAM: Any = SimpleNamespace(fail=lambda code, message, more: [])
"""A converted stream, of which only that is asked."""
RELAYED: dict[str, tuple[str, Capability, type, Any]] = {
    "chat": ("openai", Capability.CHAT, ChatStreamRelay, None),
    "chat by responses": ("openai_responses", Capability.CHAT, ChatStreamRelay, None),
    "native response": ("openai", Capability.RESPONSES, ResponsesRelay, None),
    "response by chat": ("deepseek", Capability.RESPONSES, ResponsesRelay, STREAM.fail),
}


@pytest.mark.parametrize("name", RELAYED)
def test_stream_when_relayed_then_by_the_wires_of_the_upstream_and_of_the_call(name: str) -> None:
    kind, capability, relay, fail = RELAYED[name]
    to = target("1", "up", kind, api_base=BASE, credential=KEY)
    found = relay_of(STREAM, call(capability, "short"), to)
    assert isinstance(found, relay)
    assert getattr(found, "fail", None) is fail
