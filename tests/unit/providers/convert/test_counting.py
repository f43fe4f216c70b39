"""Who counts the tokens of a request, and which errors of an upstream say that it has no such path?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.convert.counting import Counted, ask_count, count, estimate, lacks
from providers.errors import CredentialError, ModelNotFound, ProviderError
from providers.protocols import serving
from providers.transport import Transport
from providers.transport.slim import SlimTransport
from providers.types import Call, Target, TargetConfig, TargetTimeouts, Wire
from providers.wire.openai.errors import failure_of

MESSAGES = Wire.ANTHROPIC_MESSAGES
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "signalbox.gemini.QQ=="}
BODY: dict[str, Any] = {
    "model": "m",
    "max_tokens": 5,
    "messages": [
        {"role": "user", "content": "hi " * 200},
        {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "a"}]},
    ],
}
CONFIG = TargetConfig(id="t", provider="p", provider_type="x", upstream_model="u")


class Silent:
    """An upstream that cannot count."""

    config = CONFIG


class Counter:
    """One that can, or fails."""

    config = CONFIG

    def __init__(self, answer: int | ProviderError) -> None:
        self.answer = answer
        self.asked: list[Call] = []

    async def count_tokens(self, call: Call, transport: Transport) -> int:
        self.asked.append(call)
        if isinstance(self.answer, ProviderError):
            raise self.answer
        return self.answer


def call() -> Call:
    text = json.dumps(BODY).encode()
    return Call(capability=Capability.CHAT, wire=MESSAGES, model="m", body=text, fields=fields_of(text), request_id="r")


def at(adapter: Silent | Counter, wire: Wire) -> Target:
    return Target("t", "t", "m", "p", "u", TargetTimeouts.of(), adapter, serving({wire}))


@pytest.mark.parametrize("wire", [MESSAGES, Wire.OPENAI_CHAT, Wire.GEMINI])
async def test_tokens_when_the_upstream_counts_are_its_count_of_what_it_would_be_sent(wire: Wire) -> None:
    adapter = Counter(42)
    assert await count(at(adapter, wire), call(), SlimTransport()) == Counted(42, estimated=False)
    (asked,) = adapter.asked
    assert asked.wire is wire
    assert b"signalbox" not in asked.body
    reply = await ask_count(at(adapter, wire), call(), SlimTransport())
    assert (json.loads(reply.body), reply.estimated) == ({"input_tokens": 42}, False)


@pytest.mark.parametrize(
    "adapter",
    [Silent(), Counter(failure_of(404, [], b"404 page not found")), Counter(ModelNotFound("no", upstream_status=404))],
    ids=["cannot", "no such path", "no such model"],
)
async def test_tokens_when_nobody_counts_are_estimated(adapter: Silent | Counter) -> None:
    counted = await count(at(adapter, MESSAGES), call(), SlimTransport())
    assert counted.estimated
    assert 100 < counted.tokens < 300


async def test_tokens_when_the_upstream_fails_otherwise_raise_that() -> None:
    with pytest.raises(CredentialError):
        await count(at(Counter(CredentialError("bad key", upstream_status=401)), MESSAGES), call(), SlimTransport())


def test_estimate_when_there_are_files_leaves_them_out() -> None:
    picture = "A" * 40_000
    for text in (f'{{"a":"data:image/png;base64,{picture}"}}', f'{{"data":"{picture}"}}'):
        assert estimate(text.encode()) < 20
    assert estimate(json.dumps({"text": "word " * 400}).encode()) > 300


def error(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, error("Invalid URL (POST /v1/responses/compact)")),
        (404, {"detail": "Not Found"}),
        (404, "404 page not found"),
        (404, error("Unknown path: POST /v1/responses/compact.", code="not_found")),
        (405, {"detail": "Method Not Allowed"}),
        (501, error("not implemented", code=501)),
    ],
)
def test_path_when_not_there_is_seen(status: int, body: Any) -> None:
    assert lacks(failure_of(status, [], json.dumps(body).encode(), named_by_client=True))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, error("The model does not exist", code="model_not_found")),
        (404, error("The model does not exist", param="model", code=404)),
        (404, error("Previous response not found", code="previous_response_not_found")),
        (400, error("bad")),
        (401, error("who are you?")),
        (429, error("slow down")),
        (500, error("oops")),
        (503, error("busy")),
    ],
)
def test_error_when_of_another_kind_is_none_of_the_path(status: int, body: Any) -> None:
    assert not lacks(failure_of(status, [], json.dumps(body).encode(), named_by_client=True))
