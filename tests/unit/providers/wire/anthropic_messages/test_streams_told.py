"""What does a client of Messages get of a stream of another wire, event by event?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.canonical.events import Ended, Failed
from providers.convert.codecs import codecs
from providers.errors import InvalidResponse
from providers.wire.anthropic_messages import codec
from tests.unit.providers.wire.anthropic_messages.asking import (
    CHAT,
    DIRECT,
    GEMINI,
    WHOLE_USAGE,
    Json,
    asked,
    blocks_in,
    chunk,
    piece,
    streamed,
)

END = chunk({}, finish="stop")
USAGE = {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39, "prompt_tokens_details": {"cached_tokens": 8}}


def kinds(events: list[Json]) -> list[str]:
    return [event["type"] for event in events]


def test_stream_when_it_is_a_text_then_its_events_come_in_order() -> None:
    events = streamed([chunk({"role": "assistant", "content": ""}), chunk({"content": "h"}), chunk({"content": "i"}), END])
    assert kinds(events) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0]["message"] == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": WHOLE_USAGE,
    }
    assert blocks_in(events) == [{"type": "text", "text": "hi"}]
    assert events[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None}


def test_usage_when_it_comes_after_the_reason_then_the_end_waits_for_it() -> None:
    events = streamed([chunk({"content": "h"}), END, {**chunk({}), "choices": [], "usage": USAGE}])
    assert events[-2]["usage"] == {
        "input_tokens": 22,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 8,
        "output_tokens": 9,
    }
    assert kinds(events).count("message_delta") == 1


def test_usage_when_it_is_known_at_the_beginning_then_the_first_event_tells_it() -> None:
    used = {"promptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 6}
    part = {"content": {"role": "model", "parts": [{"text": "a"}]}}
    events = streamed([{"candidates": [{**part, "finishReason": "STOP"}], "usageMetadata": used}], GEMINI)
    assert events[-2]["usage"]["input_tokens"] == 5


def test_blocks_when_their_kinds_take_turns_then_each_is_closed_before_the_next() -> None:
    frames = [
        chunk({"reasoning_content": "hm"}),
        chunk({"content": "a"}),
        piece(0, "", "f", "c1"),
        piece(0, '{"a":'),
        piece(0, "1}"),
        chunk({"content": "b"}),
        chunk({}, finish="tool_calls"),
    ]
    events = streamed(frames)
    assert blocks_in(events) == [
        {"type": "thinking", "thinking": "hm", "signature": "signalbox.openai_chat."},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "c1", "name": "f", "caller": DIRECT, "input": {"a": 1}},
        {"type": "text", "text": "b"},
    ]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_calls_when_told_side_by_side_then_one_after_the_other() -> None:
    frames = [
        piece(0, "", "f", "c1"),
        piece(1, "", "g", "c2"),
        piece(0, '{"a":'),
        piece(1, '{"b":'),
        piece(2, "{}", "h", "c3"),
        piece(0, "1}"),
        piece(1, "2}"),
        chunk({"content": "and"}),
        chunk({}, finish="tool_calls"),
    ]
    events = streamed(frames)
    assert blocks_in(events) == [
        {"type": "tool_use", "id": "c1", "name": "f", "caller": DIRECT, "input": {"a": 1}},
        {"type": "tool_use", "id": "c2", "name": "g", "caller": DIRECT, "input": {"b": 2}},
        {"type": "tool_use", "id": "c3", "name": "h", "caller": DIRECT, "input": {}},
        {"type": "text", "text": "and"},
    ]


def test_calls_when_one_is_whole_then_the_next_is_told_at_once() -> None:
    decoder, encoder = codecs()[CHAT].stream_decoder(), codec.stream_encoder(asked())
    for frame in (piece(0, '{"a":1}', "f", "c1"),):
        encoder.feed(decoder.feed(frame))
    told = encoder.feed(decoder.feed(piece(1, '{"b"', "g", "c2")))
    assert kinds(list(told)) == ["content_block_stop", "content_block_start", "content_block_delta", "content_block_delta"]


def test_call_when_it_begins_then_its_input_is_empty_and_so_is_the_first_piece() -> None:
    events = streamed([piece(0, "{}", "f", "c1"), chunk({}, finish="tool_calls")])
    assert events[1]["content_block"] == {"type": "tool_use", "id": "c1", "name": "f", "caller": DIRECT, "input": {}}
    assert events[2]["delta"] == {"type": "input_json_delta", "partial_json": ""}
    assert events[3]["delta"] == {"type": "input_json_delta", "partial_json": "{}"}


def test_call_when_its_name_comes_late_then_it_is_not_begun_before() -> None:
    nameless = chunk({"tool_calls": [{"index": 0, "id": "c1", "function": {"arguments": '{"a"'}}]})
    named = chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ":1}"}}]})
    events = streamed([nameless, named, chunk({}, finish="tool_calls")])
    assert blocks_in(events) == [{"type": "tool_use", "id": "c1", "name": "f", "caller": DIRECT, "input": {"a": 1}}]


def test_text_when_it_is_empty_then_there_is_no_block() -> None:
    events = streamed([chunk({"role": "assistant", "content": ""}), chunk({"content": ""}), END])
    assert kinds(events) == ["message_start", "message_delta", "message_stop"]


def test_stream_when_it_is_cut_off_then_nothing_says_that_it_has_ended() -> None:
    events = streamed([chunk({"content": "h"})])
    assert kinds(events)[-1] == "content_block_stop" or "message_stop" not in kinds(events)
    assert "message_delta" not in kinds(events)


def test_failure_when_it_cannot_go_on_then_an_error_event_says_so() -> None:
    encoder = codec.stream_encoder(asked())
    failure = codec.stream_decoder().feed({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})[0]
    assert isinstance(failure, Failed)
    assert encoder.feed((failure,)) == [{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}]


def test_refusal_when_streamed_then_it_is_the_reason() -> None:
    events = streamed([chunk({"refusal": "no"}), END])
    assert blocks_in(events) == [{"type": "text", "text": "no"}]
    assert events[-2]["delta"]["stop_reason"] == "refusal"


def test_signature_when_of_gemini_then_it_stands_before_the_call() -> None:
    parts = [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]
    events = streamed([{"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}], GEMINI)
    blocks = blocks_in(events)
    assert [block["type"] for block in blocks] == ["redacted_thinking", "tool_use"]
    assert blocks[0]["data"] == "signalbox.gemini.c2ln"


# From Messages


def start(index: int, block: Json) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **more: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **more}}


STARTED: Json = {"type": "message_start", "message": {"id": "m", "model": "u", "usage": {"input_tokens": 5, "output_tokens": 1}}}
STOPPED: Json = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}
LAST: Json = {"type": "message_stop"}


def chunks(*frames: Json) -> list[Json]:
    decoder, encoder = codec.stream_decoder(), codecs()[CHAT].stream_encoder(asked())
    made = [one for frame in frames for one in encoder.feed(decoder.feed(frame))]
    return [*made, *encoder.feed(decoder.end())]


def test_calls_when_between_thoughts_and_texts_then_chat_counts_only_calls() -> None:
    made = chunks(
        STARTED,
        start(0, {"type": "thinking", "thinking": "", "signature": ""}),
        delta(0, "signature_delta", signature="c2ln"),
        {"type": "content_block_stop", "index": 0},
        start(1, {"type": "text", "text": ""}),
        delta(1, "text_delta", text="a"),
        {"type": "content_block_stop", "index": 1},
        start(2, {"type": "tool_use", "id": "t1", "name": "f", "input": {}}),
        delta(2, "input_json_delta", partial_json='{"a":1}'),
        {"type": "content_block_stop", "index": 2},
        start(3, {"type": "tool_use", "id": "t2", "name": "g", "input": {}}),
        {"type": "content_block_stop", "index": 3},
        STOPPED,
        LAST,
    )
    calls = [call for one in made for choice in one["choices"] for call in choice["delta"].get("tool_calls", ())]
    assert [(call["index"], call["function"].get("arguments")) for call in calls] == [(0, ""), (0, '{"a":1}'), (1, ""), (1, "{}")]
    assert {choice["index"] for one in made for choice in one["choices"]} == {0}
    assert made[-1]["usage"]["prompt_tokens"] == 5
    assert made[-1]["usage"]["completion_tokens"] == 9
    details = [
        choice["delta"]["reasoning_details"]
        for one in made
        for choice in one["choices"]
        if "reasoning_details" in choice["delta"]
    ]
    assert details == [[{"type": "reasoning.text", "text": "", "signature": "signalbox.anthropic_messages.c2ln"}]]


@pytest.mark.parametrize(
    "frames", [[STARTED], [STARTED, start(0, {"type": "text", "text": ""}), delta(0, "text_delta", text="a")], []]
)
def test_stream_when_of_messages_and_cut_off_then_it_has_no_end(frames: list[Json]) -> None:
    decoder = codec.stream_decoder()
    events = [event for frame in frames for event in decoder.feed(frame)]
    assert not any(isinstance(event, Ended) for event in (*events, *decoder.end()))


def test_stream_when_only_its_last_event_is_missing_then_it_has_an_end() -> None:
    decoder = codec.stream_decoder()
    for frame in (STARTED, STOPPED):
        decoder.feed(frame)
    assert any(isinstance(event, Ended) for event in decoder.end())


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message_start"},
        {"type": "message_start", "message": 7},
        {"type": "content_block_start", "index": 0},
        {"type": "content_block_start", "index": [], "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": 7},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 7}},
        {"type": "message_delta", "delta": 7},
        7,
    ],
    ids=json.dumps,
)
def test_event_when_it_cannot_be_read_then_it_is_the_upstreams_fault(frame: Any) -> None:
    with pytest.raises(InvalidResponse):
        codec.stream_decoder().feed(frame)


def test_block_when_nobody_has_begun_it_then_its_first_delta_does() -> None:
    made = chunks(STARTED, delta(0, "text_delta", text="a"), STOPPED, LAST)
    assert [choice["delta"].get("content") for one in made for choice in one["choices"]][1] == "a"


def test_custom_tool_when_it_stood_for_one_then_its_input_comes_back() -> None:
    sent = codec.encode_request(
        codecs()[CHAT].decode_request(
            {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "custom", "custom": {"name": "p"}}]}
        )
    ).sent
    decoder, encoder = codec.stream_decoder(sent), codecs()[CHAT].stream_encoder(asked())
    frames = [
        STARTED,
        start(0, {"type": "tool_use", "id": "t", "name": "p", "input": {}}),
        delta(0, "input_json_delta", partial_json='{"input":'),
        delta(0, "input_json_delta", partial_json='"a b"}'),
        {"type": "content_block_stop", "index": 0},
        STOPPED,
        LAST,
    ]
    made = [one for frame in frames for one in encoder.feed(decoder.feed(frame))]
    calls = [call for one in made for choice in one["choices"] for call in choice["delta"].get("tool_calls", ())]
    assert [call.get("custom", {}).get("input") for call in calls] == ["", "a b"]
