"""Is a request, an answer or a stream of chat the same again after it was a canonical one, whatever it holds?"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming

from providers.canonical.codec import Asked
from providers.canonical.events import Beside, ReasoningDelta, TextDelta
from providers.canonical.request import Request
from providers.errors import InvalidResponse
from providers.types import Wire
from providers.wire.openai_chat import codec
from tests.sdk_values import values_of
from tests.unit.providers.wire.odd import odd, same

Json = dict[str, Any]
ASKED = Asked(request=Request(wire=Wire.OPENAI_CHAT, words={}), id="x", created=1, model="m", mint=lambda prefix: prefix)
RECORDED = Path(__file__).parents[5] / "tests" / "data"


def again(body: Json) -> Json:
    """A request, after it was canonical."""
    before = copy.deepcopy(body)
    made = codec.encode_request(codec.decode_request(body))
    assert made.lossy == ()
    assert body == before, "it was changed"
    return made.body


def answered_again(body: Json) -> Json:
    made = codec.encode_answer(codec.decode_answer(body), ASKED)
    assert made.lossy == ()
    return made.body


def streamed_again(chunks: list[Json]) -> list[Json]:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made = [list(encoder.feed(decoder.feed(chunk))) for chunk in chunks]
    assert [len(one) for one in made] == [1] * len(chunks), "a chunk is a chunk again"
    assert encoder.feed(decoder.end()) == []
    assert encoder.lossy == ()
    return [chunk for (chunk,) in made]


# Every field of the SDK's types

REQUESTS = [*values_of(CompletionCreateParamsStreaming), *values_of(CompletionCreateParamsNonStreaming)]
MESSAGES = REQUESTS[0]["messages"]


@pytest.mark.parametrize("body", REQUESTS, ids=range(len(REQUESTS)))
def test_request_when_it_has_any_value_of_the_sdk_then_it_is_the_same_again(body: Json) -> None:
    same(again(body), body)


def test_requests_when_made_of_the_sdks_types_then_they_hold_every_role_and_part() -> None:
    text = json.dumps(REQUESTS)
    assert len(MESSAGES) > 20
    assert set(re.findall(r'"role": "(\w+)"', text)) == {"developer", "system", "user", "assistant", "tool", "function"}
    for kind in ("image_url", "input_audio", "file", "refusal", "custom", "allowed_tools", "json_schema", "grammar"):
        assert f'"type": "{kind}"' in text


ANSWERS = values_of(ChatCompletion)


@pytest.mark.parametrize("body", ANSWERS, ids=range(len(ANSWERS)))
def test_answer_when_it_has_any_value_of_the_sdk_then_it_is_the_same_again(body: Json) -> None:
    same(answered_again(body), body)


CHUNKS = [
    {**one, "choices": [{**choice, "index": index} for index, choice in enumerate(one["choices"])]}
    for one in values_of(ChatCompletionChunk)
]


@pytest.mark.parametrize("body", CHUNKS, ids=range(len(CHUNKS)))
def test_chunk_when_it_has_any_value_of_the_sdk_then_it_is_the_same_again(body: Json) -> None:
    same(streamed_again([body]), [body])


# Spellings, unknown fields, nulls


@given(st.data())
def test_request_when_it_is_odd_in_any_way_then_it_is_the_same_again(data: st.DataObject) -> None:
    body = dict(data.draw(st.sampled_from(REQUESTS)))
    body["messages"] = data.draw(st.lists(st.sampled_from(MESSAGES), max_size=3))
    body = odd(data.draw, body)
    same(again(body), body)


def _read(convert: Callable[[Any], Any], body: Any) -> Any:
    """None for what cannot be read, which no decoder has to."""
    try:
        return convert(body)
    except InvalidResponse:
        return None


@given(st.data())
def test_answer_when_it_is_odd_in_any_way_then_the_same_again_or_it_cannot_be_read(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(ANSWERS))
    body = odd(data.draw, {**body, "choices": body["choices"][:1]})
    answer = _read(codec.decode_answer, body)
    if answer is not None:
        same(codec.encode_answer(answer, ASKED).body, body)


PIECES: list[Json] = [
    {"role": "assistant", "content": ""},
    {"content": "a"},
    {"content": None, "reasoning_content": "hm"},
    {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s"}]},
    {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "text", "text": "b"},
            {"type": "z"},
        ]
    },
    {"refusal": "no"},
    {"annotations": [{"type": "url_citation", "url_citation": {"url": "https://x", "start_index": 0, "end_index": 1}}]},
    {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}, {"image_url": "https://x"}]},
    {"audio": {"id": "s", "data": "AA", "transcript": "t"}},
    {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}, {"index": 1, "id": "c2", "function": {"name": "g"}}]},
    {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a":1}'}}]},
    {"tool_calls": [{"index": 1, "function": {"arguments": {"b": 1}}}]},
    {"tool_calls": [{"id": "c3", "type": "custom", "custom": {"name": "p", "input": "x"}}]},
    {"function_call": {"name": "f", "arguments": "{}"}},
    {},
]
HEAD: Json = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE: Json = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}


@st.composite
def chunk(draw: st.DrawFn) -> Json:
    choice = {"index": draw(st.integers(0, 1)), "delta": draw(st.sampled_from(PIECES)), "finish_reason": None, "logprobs": None}
    ends = draw(st.sampled_from([None, None, None, "stop", "length", "tool_calls", "eos"]))
    choice |= {"finish_reason": ends} if ends else {}
    if choice["delta"] is PIECES[1] and draw(st.booleans()):
        token = {"token": "a", "logprob": -1.0, "bytes": draw(st.sampled_from([None, [97]])), "top_logprobs": []}
        choice["logprobs"] = {"content": [token], "refusal": None}
    made = {**HEAD, "choices": draw(st.sampled_from([[choice], [choice], [choice], []]))}
    return made | draw(st.sampled_from([{}, {"usage": None}, {"usage": USAGE}, {"system_fingerprint": "f"}, {"model": "n"}]))


@given(st.lists(chunk(), max_size=8))
def test_stream_when_its_pieces_come_in_any_order_then_it_is_the_same_again(chunks: list[Json]) -> None:
    made = _read(streamed_again_whatever_is_lost, chunks)
    if made is not None:
        same(made, chunks)


def streamed_again_whatever_is_lost(chunks: list[Json]) -> list[Json]:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    return [made for chunk in chunks for made in encoder.feed(decoder.feed(chunk))]


@given(st.data())
def test_stream_when_it_is_odd_in_any_way_then_the_same_again_or_it_cannot_be_read(data: st.DataObject) -> None:
    chunks = [odd(data.draw, one, 1) for one in data.draw(st.lists(chunk(), max_size=4))]
    made = _read(streamed_again_whatever_is_lost, chunks)
    if made is not None:
        same(made, chunks)


# What a tap changes is told


def test_stream_when_a_tap_changes_its_texts_then_the_chunks_say_so() -> None:
    chunks = [{**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in PIECES[:3]]
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made: list[Json] = []
    for one in chunks:
        events = [
            msgspec.structs.replace(event, text=event.text.upper()) if isinstance(event, TextDelta | ReasoningDelta) else event
            for event in decoder.feed(one)
        ]
        made += encoder.feed(events)
    deltas = [one["choices"][0]["delta"] for one in made]
    assert deltas == [PIECES[0], {"content": "A"}, {"content": None, "reasoning_content": "HM"}]


def test_stream_when_read_then_texts_stand_in_their_events_and_not_beside_them() -> None:
    decoder = codec.stream_decoder()
    for delta in ({"content": "a"}, {"role": "assistant", "content": "a"}, {"refusal": "a"}, {"reasoning": "hm"}, PIECES[2]):
        events = decoder.feed({**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        beside = events[-1]
        assert isinstance(beside, Beside)
        assert not re.search(r'"a"|"hm"', json.dumps(beside.extra.fields))


def test_request_when_changed_then_the_body_says_so() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}], "max_tokens": 5, "temperature": 1, "x": 1}
    request = codec.decode_request(body)
    sampling = msgspec.structs.replace(request.sampling, temperature=0.5)
    limits = msgspec.structs.replace(request.limits, output_tokens=6)
    changed = msgspec.structs.replace(request, model="n", sampling=sampling, limits=limits)
    assert codec.encode_request(changed).body == {**body, "model": "n", "temperature": 0.5, "max_tokens": 6}


# Recorded


RECORDINGS = sorted(RECORDED.rglob("*.chat.*"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recording_when_it_is_of_chat_then_it_is_the_same_again(path: Path) -> None:
    if path.suffix == ".sse":
        lines = [line.removeprefix("data: ") for line in path.read_text().splitlines() if line.startswith("data: ")]
        chunks = [json.loads(line) for line in lines if line != "[DONE]"]
        same(streamed_again(chunks), chunks)
        return
    body = json.loads(path.read_text())
    if ".request." in path.name:
        body = body.get("body", body)
        same(again(body), body)
    else:
        same(answered_again(body), body)


def test_recordings_when_counted_then_there_are_some_of_each_kind() -> None:
    assert [sum(f".{kind}.chat" in path.name for path in RECORDINGS) for kind in ("request", "answer", "stream")] == [17, 17, 17]
