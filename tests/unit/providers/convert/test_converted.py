"""Is an upstream of another wire asked as its adapter expects it, and is its answer, or its failure, told in the call's wire?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any, cast

import msgspec
import pytest

from providers.bytes.patch import fields_of
from providers.convert.converted import convert, convertible, left_out_by
from providers.convert.stream import ConvertedStream
from providers.errors import EmptyStream, InvalidResponse, Overloaded, ProviderError, RateLimited, Unsupported, UpstreamFailed
from providers.protocols import METHODS
from providers.transport import Transport
from providers.types import EVENT_STREAM, Adapter, Answered, Call, Reply, ReplyStream, ResponseContext, Wire
from tests.unit.providers.wire.response_events import events_of, message, response, text

Json = dict[str, Any]
CHAT, RESPONSES = Wire.OPENAI_CHAT, Wire.OPENAI_RESPONSES
ASKED: dict[Wire, Json] = {
    CHAT: {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    RESPONSES: {"model": "m", "input": "hi"},
}
NO_TRANSPORT = cast(Transport, None)
COMPLETION: Json = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
}
CHUNK: Json = {"id": "c", "choices": [{"index": 0, "delta": {"content": "yes"}, "finish_reason": None}]}
STOP: Json = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
DONE = b"data: [DONE]\n\n"


class Pieces:
    """A stream with these pieces."""

    content_type = EVENT_STREAM
    lossy = ("upstream",)

    def __init__(self, wire: Wire, pieces: Iterable[bytes]) -> None:
        self.wire = wire
        self._pieces = iter(pieces)

    async def next(self) -> bytes:
        return next(self._pieces, b"")

    def extend(self, seconds: float) -> None: ...

    def close(self) -> None: ...


class Upstream:
    """An adapter of any wire that gives one answer, and notes what it was asked."""

    returns_reasoning = False

    def __init__(self, answer: Reply | ReplyStream) -> None:
        self._answer = answer
        self.asked: list[Call] = []

    async def _ask(self, call: Call, transport: Transport) -> Reply | ReplyStream:
        self.asked.append(call)
        return self._answer

    chat = stream_chat = respond = _ask


def call(wire: Wire, *, stream: bool = False, strict: bool = False, context: Json | None = None, **fields: Any) -> Call:
    body = msgspec.json.encode({**ASKED[wire], **fields} | ({"stream": True} if stream else {}))
    return Call(
        capability=METHODS[wire].capability, wire=wire, model="m", body=body, fields=fields_of(body), request_id="r",
        stream=stream, strict=strict, response=ResponseContext(**(context or {})),
    )  # fmt: skip


def ask(asked: Call, wire: Wire, answer: Any) -> tuple[Answered, Call]:
    body = json.dumps(answer).encode() if isinstance(answer, dict) else b""
    upstream = Upstream(Reply(wire=wire, body=body) if body else answer)
    made = asyncio.run(convert(cast(Adapter, upstream), asked, wire, NO_TRANSPORT))
    return made, upstream.asked[-1]


def frame(value: Json, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"


def streamed(asked: Call, wire: Wire, *pieces: bytes) -> ConvertedStream:
    made, _ = ask(asked, wire, Pieces(wire, pieces))
    assert isinstance(made, ConvertedStream)
    return made


def read(stream: ConvertedStream) -> bytes:
    async def all_of() -> bytes:
        told = b""
        while frames := await stream.next():
            told += b"".join(frames)
        return told

    return asyncio.run(all_of())


def test_call_when_put_to_a_chat_upstream_then_it_asks_for_usage_and_is_of_chat() -> None:
    made, asked = ask(call(RESPONSES), CHAT, COMPLETION)
    assert (asked.wire, asked.include_usage, asked.added) == (CHAT, True, ())
    assert json.loads(asked.body) == ASKED[CHAT]
    assert isinstance(made, Reply)
    assert json.loads(made.body)["output"][0]["content"][0]["text"] == "yes"


@pytest.mark.parametrize(("fields", "added"), [({}, ("store",)), ({"store": False}, ())])
def test_call_when_put_to_a_responses_upstream_then_nothing_is_stored_and_who_said_so_is_known(
    fields: Json, added: tuple[str, ...]
) -> None:
    made, asked = ask(call(CHAT, **fields), RESPONSES, response(message(text("yes"))))
    assert json.loads(asked.body)["store"] is False
    assert asked.added == added
    assert isinstance(made, Reply)
    assert made.fields is not None
    told = json.loads(made.body)
    assert told["id"].startswith("chatcmpl_")
    assert told["choices"][0]["message"]["content"] == "yes"


def test_response_when_made_here_then_it_has_its_ids_and_names_the_one_before() -> None:
    context = {"id": "resp_" + "0" * 48, "previous_id": "resp_before"}
    made, asked = ask(call(RESPONSES, context=context), CHAT, COMPLETION)
    assert isinstance(made, Reply)
    told = json.loads(made.body)
    assert (told["id"], told["previous_response_id"]) == (context["id"], "resp_before")
    assert told["output"][0]["id"] == f"msg_{'0' * 48}o0"
    assert "resp_before" not in asked.body.decode()


def test_call_when_something_is_lost_then_named_and_strict_ones_are_refused() -> None:
    made, _ = ask(call(CHAT, seed=1), RESPONSES, response(message(text("yes"))))
    assert made.lossy == ("seed",)
    assert left_out_by(call(CHAT, seed=1), RESPONSES) == ("seed",)
    with pytest.raises(Unsupported) as refused:
        ask(call(CHAT, strict=True, seed=1), RESPONSES, response())
    assert (refused.value.param, refused.value.upstream_code) == ("seed", "unsupported_parameter")


def test_wires_when_one_has_no_codec_then_there_is_no_conversion() -> None:
    assert convertible(CHAT, RESPONSES)
    assert not convertible(CHAT, Wire.OPENAI_COMPLETION)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"choices": 7}', b'{"choices": [{"message": 7}]}'])
def test_answer_when_it_cannot_be_read_then_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        asyncio.run(convert(cast(Adapter, Upstream(Reply(wire=CHAT, body=body))), call(RESPONSES), CHAT, NO_TRANSPORT))


def test_answer_when_it_tells_a_failure_then_that_is_raised() -> None:
    failed = response(status="failed", error={"code": "rate_limit_exceeded", "message": "Slow down."})
    with pytest.raises(RateLimited):
        ask(call(CHAT), RESPONSES, failed)


# Streams

ENDS: list[tuple[bytes, ...]] = [
    (frame(CHUNK), frame(STOP), DONE),
    (frame(CHUNK), frame(STOP)),
    (frame(CHUNK), DONE),
    (frame(CHUNK) + frame(STOP) + DONE,),
    (frame(CHUNK)[:9], frame(CHUNK)[9:], frame(STOP), DONE),
]


@pytest.mark.parametrize("pieces", ENDS)
def test_stream_when_it_has_an_end_of_any_kind_then_the_response_is_completed(pieces: tuple[bytes, ...]) -> None:
    stream = streamed(call(RESPONSES, stream=True), CHAT, *pieces)
    assert stream.lossy == ("upstream",)
    told = read(stream)
    assert told.startswith(b"event: response.created\n")
    assert told.count(b"event: response.completed\n") == 1


def test_stream_when_it_is_cut_off_then_no_end_is_told() -> None:
    stream = streamed(call(RESPONSES, stream=True), CHAT, frame(CHUNK))
    told = read(stream)
    assert b"output_text.delta" in told
    assert b"response.completed" not in told
    failed = b"".join(stream.fail("server_error", "It broke.", {"detail": 1}))
    assert b'"status":"failed","incomplete_details":null' in failed
    assert b'"error":{"code":"server_error","message":"It broke.","detail":1}' in failed


def test_stream_when_of_a_response_then_chunks_and_done() -> None:
    pieces = [frame(event, event["type"]) for event in events_of(response(message(text("yes"))))]
    stream = streamed(call(CHAT, stream=True), RESPONSES, *pieces)
    told = read(stream)
    assert told.endswith(DONE)
    assert b'"usage":{"prompt_tokens":3' in told
    assert stream.fail("server_error", "It broke.", {}) == []


FAILURES: list[tuple[tuple[bytes, ...], type[ProviderError]]] = [
    ((DONE,), EmptyStream),
    ((frame({"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}),), RateLimited),
    ((frame({"message": "Broken."}, "error"),), UpstreamFailed),
    ((b"event: error\ndata: Broken.\n\n",), UpstreamFailed),
    ((b'data: [{"error": {"message": "x", "status": "RESOURCE_EXHAUSTED", "code": 429}}]\n\n',), RateLimited),
    ((frame({"choices": [{"index": 0, "delta": {}, "finish_reason": "insufficient_system_resource"}]}),), Overloaded),
    ((b"data: {\n\n",), InvalidResponse),
    ((b"data: 7\n\n",), InvalidResponse),
    ((frame({"choices": 7}),), InvalidResponse),
    ((b'{"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}',), RateLimited),
]


@pytest.mark.parametrize(("pieces", "error"), FAILURES)
def test_stream_when_it_fails_then_the_upstreams_own_error_is_raised(
    pieces: tuple[bytes, ...], error: type[ProviderError]
) -> None:
    with pytest.raises(error) as raised:
        read(streamed(call(RESPONSES, stream=True), CHAT, *pieces))
    assert type(raised.value) is error


def test_stream_when_a_character_is_cut_then_it_is_whole_again() -> None:
    halves = [b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % half for half in (rb"a\ud83d", rb"\ude00b")]
    told = read(streamed(call(RESPONSES, stream=True), CHAT, *halves, frame(STOP), DONE))
    assert "a😀b".encode() in told
