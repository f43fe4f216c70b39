"""What do the chunks of a stream tell, and how is a stream of another wire told in chunks?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from providers.canonical.answer import Failure, StopReason
from providers.canonical.blocks import Audio, Reasoning, Text, ToolCall
from providers.canonical.events import (
    ArgumentsDelta,
    BlockEnded,
    BlockStarted,
    CitationDelta,
    Ended,
    Event,
    Failed,
    Finished,
    MediaDelta,
    TextDelta,
    UsageTold,
)
from providers.convert.codecs import codecs
from providers.errors import InvalidResponse, Overloaded
from providers.types import Usage, Wire
from providers.wire.gemini import codec
from providers.wire.gemini.codec.streams.partial_args import PartialArgs
from tests.contract.goldens import asked_in, goldens

Json = dict[str, Any]


def chunk(*parts: Json, reason: str | None = None, index: int = 0, **more: Any) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": index}
    if reason is not None:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "m", **more}


def events(*chunks: Json) -> tuple[list[Event], list[Event]]:
    """Those of the chunks, and those of the end."""
    decoder = codec.stream_decoder()
    return [event for one in chunks for event in decoder.feed(one)], [*decoder.end()]


def ends(last: Sequence[Event]) -> list[tuple[int, str]]:
    return [(event.choice, event.stop.reason) for event in last if isinstance(event, Finished)]


def golden(name: str) -> list[Json]:
    return list(next(one for one in goldens(Wire.GEMINI) if one.path.name == name).value())


def text(name: str) -> Json:
    return {"text": name}


# Why it stops


def test_stream_when_anything_was_called_then_it_stops_for_that_though_the_last_chunk_has_no_call() -> None:
    _, last = events(chunk({"functionCall": {"name": "f", "args": {}}}), chunk(text("a")), chunk(text(""), reason="STOP"))
    assert ends(last) == [(0, StopReason.CALLS)]
    assert isinstance(last[-1], Ended)


def test_stream_when_every_chunk_says_why_it_stops_then_it_goes_on_until_the_last() -> None:
    told, last = events(*golden("old.stream.sse"))
    assert [event.text for event in told if isinstance(event, TextDelta)] == ["One", " two"]
    assert not [event for event in told if isinstance(event, Finished | BlockEnded)]
    assert ends(last) == [(0, StopReason.END)]


def test_stream_when_nothing_says_why_it_stops_then_it_has_no_end() -> None:
    _, last = events(chunk(text("a")))
    assert not [event for event in last if isinstance(event, Ended)]
    _, last = events(chunk(text("a"), reason="STOP"), chunk(text("b"), index=1))
    assert not [event for event in last if isinstance(event, Ended)]
    assert not [event for event in events()[1] if isinstance(event, Ended)]


def test_stream_when_the_prompt_was_blocked_then_it_was_filtered() -> None:
    _, last = events(*golden("blocked.stream.sse"))
    assert ends(last) == [(0, StopReason.FILTER)]
    assert isinstance(last[-1], Ended)


def test_stream_when_of_several_candidates_then_each_has_its_own_blocks_and_end() -> None:
    told, last = events(
        chunk(text("a")),
        chunk(text("b"), index=1),
        chunk(text("c"), reason="STOP"),
        chunk(text(""), reason="MAX_TOKENS", index=1),
    )
    assert [(one.choice, one.block, one.text) for one in told if isinstance(one, TextDelta)] == [
        (0, 0, "a"),
        (1, 0, "b"),
        (0, 0, "c"),
    ]
    assert ends(last) == [(0, StopReason.END), (1, StopReason.LENGTH)]


# What it says


def test_call_when_told_whole_then_it_begins_has_arguments_and_ends() -> None:
    told, _ = events(chunk({"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}, {"functionCall": {"name": "f"}}))
    blocks = [event.value for event in told if isinstance(event, BlockStarted)]
    assert [block.name for block in blocks if isinstance(block, ToolCall)] == ["f", "f"]
    assert len({block.call_id for block in blocks if isinstance(block, ToolCall)}) == 2
    assert [event.text for event in told if isinstance(event, ArgumentsDelta)] == ['{"a":1}']
    assert [event.block for event in told if isinstance(event, BlockEnded)] == [0, 1]


def test_call_when_its_arguments_come_in_pieces_then_they_are_told_together() -> None:
    told, last = events(*golden("partial_args.stream.sse"))
    assert [json.loads(event.text) for event in told if isinstance(event, ArgumentsDelta)] == [
        {"city": "Bern", "who": [{"age": 7}]}
    ]
    assert ends(last) == [(0, StopReason.CALLS)]


def test_call_when_cut_in_its_pieces_then_it_is_told_at_the_end() -> None:
    told, last = events(chunk({"functionCall": {"name": "f", "willContinue": True}}))
    assert not [event for event in told if isinstance(event, BlockStarted)]
    assert [event.value.name for event in last if isinstance(event, BlockStarted) and isinstance(event.value, ToolCall)] == ["f"]


@pytest.mark.parametrize(
    ("pieces", "made"),
    [
        ([("$.a", "stringValue", "x")], {"a": "x"}),
        ([("$.a.b[1]", "boolValue", True), ("$.a.b[0]", "nullValue", "NULL_VALUE")], {"a": {"b": [None, True]}}),
        ([("$['a b'][\"c\"]", "numberValue", 1.5)], {"a b": {"c": 1.5}}),
        ([("$.a", "stringValue", "x"), ("$.a", "stringValue", "y")], {"a": "y"}),
        ([("$", "stringValue", "x"), ("", "stringValue", "x"), ("$[0]", "stringValue", "x")], {}),
        ([("$.a[99999]", "numberValue", 1)], {"a": []}),
        ([("$.a", "numberValue", 1), ("$.a.b", "numberValue", 2)], {"a": {"b": 2}}),
    ],
)
def test_pieces_of_arguments_when_put_together_then_an_object(pieces: list[tuple[str, str, Any]], made: Json) -> None:
    args = PartialArgs()
    for path, kind, value in pieces:
        args.add({"jsonPath": path, kind: value})
    for odd in (None, {}, {"jsonPath": 1}, {"jsonPath": "$.z"}):
        args.add(odd)
    assert args.value == made


def test_thoughts_and_text_when_they_follow_each_other_then_a_block_each() -> None:
    told, _ = events(
        chunk({"text": "hm", "thought": True}), chunk({"text": ".", "thought": True}), chunk(text("a")), chunk(text("b"))
    )
    assert [type(event.value) for event in told if isinstance(event, BlockStarted)] == [Reasoning, Text]


def test_sound_when_it_comes_in_pieces_then_it_is_one_block() -> None:
    sound = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAAA"}}
    told, _ = events(chunk(sound), chunk(sound))
    assert [type(event.value) for event in told if isinstance(event, BlockStarted)] == [Audio]
    assert [event.data for event in told if isinstance(event, MediaDelta)] == ["AAAA", "AAAA"]


def test_citation_when_it_comes_at_the_end_then_it_counts_in_the_text_where_it_begins() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://b"}}],
        "groundingSupports": [{"segment": {"startIndex": 4, "endIndex": 7}, "groundingChunkIndices": [0]}],
    }
    last = chunk(text(""), reason="STOP")
    last["candidates"][0]["groundingMetadata"] = grounding
    told, _ = events(chunk(text("Yés")), chunk({"functionCall": {"name": "f"}}), chunk(text("abc")), last, last)
    cited = [
        (event.block, event.citation.text_start, event.citation.text_end) for event in told if isinstance(event, CitationDelta)
    ]
    assert cited == [(2, 0, 3)]


def test_usage_when_every_chunk_has_one_then_the_first_and_the_last_are_told() -> None:
    def usage(count: int) -> Json:
        return {"promptTokenCount": 5, "candidatesTokenCount": count, "thoughtsTokenCount": 2, "totalTokenCount": 7 + count}

    told, last = events(
        chunk(text("a"), usageMetadata=usage(1)), chunk(text("b"), usageMetadata=usage(2)), chunk(text("c"), reason="STOP"),
        chunk(usageMetadata=usage(3)),
    )  # fmt: skip
    found = [event.used.tokens for event in (*told, *last) if isinstance(event, UsageTold)]
    assert found[0] == Usage(5, 3, 0, 2)
    assert found[-1] == Usage(5, 5, 0, 2)


# Errors


def test_chunk_when_it_is_an_error_then_failed_as_it_is_meant() -> None:
    error = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    told, _ = events(error)
    assert isinstance(told[0], Failed)
    assert isinstance(codec.failure_of(told[0].failure), Overloaded)
    encoder = codec.stream_encoder(asked_in(Wire.GEMINI))
    assert list(encoder.feed(told)) == [error]
    assert list(encoder.feed((Failed(Failure(message="x")),))) == []


@pytest.mark.parametrize("frame", [{"candidates": 1}, {"candidates": [1]}, {"candidates": [{"content": {"parts": "a"}}]}])
def test_chunk_when_it_cannot_be_read_then_invalid_response(frame: Json) -> None:
    with pytest.raises(InvalidResponse):
        codec.stream_decoder().feed(frame)


# Told to clients of Gemini's format


def told_in_chunks(*frames: Json) -> list[Json]:
    decoder, encoder = codecs()[Wire.OPENAI_CHAT].stream_decoder(), codec.stream_encoder(asked_in(Wire.GEMINI))
    made = [*encoder.feed(())]
    for frame in frames:
        made += encoder.feed(decoder.feed(frame))
    return [*made, *encoder.feed(decoder.end())]


def delta(reason: str | None = None, **fields: Any) -> Json:
    return {"id": "x", "choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


def test_stream_when_of_another_wire_then_its_last_chunk_has_the_reason_and_the_usage() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    made = told_in_chunks(
        delta(role="assistant", content="a"), delta(content="b"), delta("stop"), {"id": "x", "choices": [], "usage": usage}
    )
    assert [one["candidates"][0]["content"]["parts"] for one in made] == [[{"text": "a"}], [{"text": "b"}], [{"text": ""}]]
    assert not [one for one in made[:-1] if "finishReason" in one["candidates"][0] or "usageMetadata" in one]
    assert made[-1]["candidates"][0]["finishReason"] == "STOP"
    assert made[-1]["usageMetadata"] == {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
    assert {one["responseId"] for one in made} == {"id_1"}
    assert {one["modelVersion"] for one in made} == {"m"}


def test_call_when_of_another_wire_then_it_is_told_whole() -> None:
    begin = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a"'}}
    made = told_in_chunks(
        delta(tool_calls=[begin]), delta(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]), delta("tool_calls")
    )
    assert [one["candidates"][0]["content"]["parts"] for one in made] == [
        [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}}],
        [{"text": ""}],
    ]


def test_stream_when_cut_then_no_chunk_says_why_it_stops() -> None:
    made = told_in_chunks(delta(role="assistant", content="a"))
    assert not [one for one in made if "finishReason" in one["candidates"][0]]
