"""Does the offline provider do what the name of its model says?"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.dummy.adapter import DummyAdapter
from providers.errors import (
    CallerError,
    ConnectFailed,
    CredentialError,
    FirstByteTimeout,
    InvalidResponse,
    Overloaded,
    ProviderError,
    RateLimited,
    UpstreamReset,
)
from providers.transport.slim import SlimTransport
from providers.types import Call, TargetConfig, Wire

UNUSED = SlimTransport()
HELLO = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "one two"}]


def adapter(script: str) -> DummyAdapter:
    return DummyAdapter(TargetConfig(id="t", provider="p", provider_type="dummy", upstream_model=script))


def call(messages: Any = HELLO) -> Call:
    body = json.dumps({"model": "m", "messages": messages}).encode()
    return Call(capability=Capability.CHAT, wire=Wire.OPENAI_CHAT, model="m", body=body, fields=fields_of(body), request_id="r")


async def events(script: str) -> list[Any]:
    """The events until the stream ends."""
    stream = await adapter(script).stream_chat(call(), UNUSED)
    out = b""
    while part := await stream.next():
        out += part
    stream.close()
    texts = [line.removeprefix(b"data: ") for line in out.split(b"\n\n") if line]
    return [text if text == b"[DONE]" else json.loads(text) for text in texts]


async def test_echo_when_asked_then_the_last_words_of_the_user() -> None:
    reply = json.loads((await adapter("echo").chat(call(), UNUSED)).body)
    assert reply["model"] == "echo"
    assert reply["choices"][0]["message"] == {
        "role": "assistant",
        "content": "You said: one two",
        "refusal": None,
        "annotations": [],
    }
    assert reply["usage"]["total_tokens"] == reply["usage"]["prompt_tokens"] + reply["usage"]["completion_tokens"] > 0


async def test_echo_when_streamed_then_the_same_words_usage_and_done() -> None:
    *chunks, last, usage, done = await events("echo")
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "You said: one two"
    assert last["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]["total_tokens"] > 0) == ([], True)
    assert done == b"[DONE]"


@pytest.mark.parametrize(
    "messages", [[], [{"role": "system", "content": "x"}], [{"role": "user", "content": [{"type": "text"}]}]]
)
async def test_echo_when_there_are_no_words_then_a_greeting(messages: Any) -> None:
    reply = json.loads((await adapter("echo").chat(call(messages), UNUSED)).body)
    assert reply["choices"][0]["message"]["content"] == "Hello from Signalbox."


@pytest.mark.parametrize("messages", [["text"], [1], [{"role": 7}]])
async def test_echo_when_the_messages_make_no_sense_then_the_caller_is_at_fault(messages: Any) -> None:
    with pytest.raises(CallerError) as raised:
        await adapter("echo").chat(call(messages), UNUSED)
    assert raised.value.param == "messages"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("refused", ConnectFailed),
        ("reset", UpstreamReset),
        ("timeout", FirstByteTimeout),
        ("garbage", InvalidResponse),
        ("status-503", Overloaded),
        ("status-401", CredentialError),
        ("status-400", CallerError),
        ("rate-limited-3s", RateLimited),
        ("slow-10ms+refused", ConnectFailed),
    ],
)
async def test_script_when_it_says_fail_then_both_methods_fail_so(script: str, kind: type[ProviderError]) -> None:
    for method in (adapter(script).chat, adapter(script).stream_chat):
        with pytest.raises(kind) as raised:
            await method(call(), UNUSED)
        assert type(raised.value) is kind


async def test_script_when_rate_limited_then_for_so_long() -> None:
    with pytest.raises(RateLimited) as raised:
        await adapter("rate-limited-3s").chat(call(), UNUSED)
    assert raised.value.retry_after == 3.0


@pytest.mark.parametrize(("script", "least"), [("slow-60ms", 0.06), ("slow-0ms", 0.0), ("echo", 0.0)])
async def test_script_when_slow_then_it_waits_before_it_answers(script: str, least: float) -> None:
    started = time.perf_counter()
    await adapter(script).chat(call(), UNUSED)
    assert least <= time.perf_counter() - started < least + 1


async def test_script_when_paced_then_it_waits_between_chunks() -> None:
    started = time.perf_counter()
    await events("pace-20ms")
    assert time.perf_counter() - started >= 0.08


@pytest.mark.parametrize("number", [0, 1, 2])
async def test_script_when_cut_then_the_stream_ends_after_so_many_chunks(number: int) -> None:
    assert len(await events(f"cut-{number}")) == number


async def test_script_when_broken_then_the_stream_breaks_after_so_many_chunks() -> None:
    stream = await adapter("break-2").stream_chat(call(), UNUSED)
    assert [bool(await stream.next()) for _ in range(2)] == [True, True]
    with pytest.raises(UpstreamReset):
        await stream.next()


async def test_script_when_it_errs_then_the_last_event_is_an_error() -> None:
    *chunks, error = await events("error-2")
    assert len(chunks) == 2
    assert error["error"]["message"] == "The script says so."


async def test_script_when_unknown_then_it_echoes() -> None:
    reply = json.loads((await adapter("gpt-4o").chat(call(), UNUSED)).body)
    assert reply["choices"][0]["message"]["content"] == "You said: one two"
