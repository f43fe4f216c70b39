"""Is a request, an answer or a stream of Gemini's the same again after it was a canonical one, whatever it holds?"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical.codec import Asked
from providers.canonical.events import ReasoningDelta, TextDelta
from providers.canonical.request import Request
from providers.convert.codecs import codecs
from providers.errors import CallerError, InvalidResponse
from providers.types import Wire
from providers.wire.gemini import codec
from tests.contract.goldens import Golden, goldens, rich
from tests.unit.providers.wire.odd import odd, same

Json = dict[str, Any]
ASKED = Asked(request=Request(wire=Wire.GEMINI, words={}), id="x", created=1, model="m", mint=lambda prefix: prefix)
REQUESTS, ANSWERS, STREAMS = (
    [golden.value() for golden in goldens(Wire.GEMINI) if golden.kind == kind] for kind in ("request", "answer", "stream")
)
CONTENTS = [content for one in REQUESTS[:2] for content in one["contents"] if isinstance(content, dict)]
CHUNKS = [chunk for stream in STREAMS for chunk in stream]
OTHERS = sorted(wire for wire in codecs() if wire is not Wire.GEMINI)


def again(body: Json) -> Json:
    before = copy.deepcopy(body)
    made = codec.encode_request(codec.decode_request(body))
    assert made.lossy == ()
    assert body == before, "it was changed"
    return made.body


def streamed_again(chunks: list[Json]) -> list[Json]:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made = [list(encoder.feed(decoder.feed(chunk))) for chunk in chunks]
    assert [len(one) for one in made] == [1] * len(chunks), "a chunk is a chunk again"
    assert list(encoder.feed(decoder.end())) == []
    return [chunk for (chunk,) in made]


def _read(convert: Callable[[Any], Any], body: Any) -> Any:
    """None for what cannot be read, which no decoder has to."""
    try:
        return convert(body)
    except InvalidResponse:
        return None


def _taken(source: Wire, target: Wire, body: Json) -> Json | None:
    """The request in the other wire; None for one that is refused, with its place."""
    failure: CallerError | None = None
    try:
        return codecs()[target].encode_request(codecs()[source].decode_request(body)).body
    except CallerError as error:
        failure = error
    assert failure.param is not None
    return None


@given(st.data())
def test_request_when_it_is_odd_in_any_way_then_it_is_the_same_again(data: st.DataObject) -> None:
    body = dict(data.draw(st.sampled_from(REQUESTS)))
    if data.draw(st.booleans()):
        body["contents"] = data.draw(st.lists(st.sampled_from(CONTENTS), max_size=3))
    body = odd(data.draw, body)
    same(again(body), body)


@pytest.mark.parametrize("wire", OTHERS)
@given(data=st.data())
def test_request_when_it_is_odd_in_any_way_then_each_other_wire_takes_it_or_says_where_it_is_wrong(
    wire: Wire, data: st.DataObject
) -> None:
    body = odd(data.draw, data.draw(st.sampled_from(REQUESTS)))
    made = _taken(Wire.GEMINI, wire, body)
    assert made is None or msgspec.json.encode(made)


@pytest.mark.parametrize("wire", [wire for wire in OTHERS if wire is not Wire.BEDROCK_CONVERSE])  # which no client speaks
@given(data=st.data())
def test_request_when_odd_in_another_wire_then_gemini_takes_it_or_says_where_it_is_wrong(wire: Wire, data: st.DataObject) -> None:
    made = _taken(wire, Wire.GEMINI, odd(data.draw, rich(wire, "request"), 5))
    if made is None:
        return
    assert msgspec.json.encode(made)
    roles = [content["role"] for content in made["contents"]]
    assert roles == ["user", "model"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
    assert all(content["parts"] for content in made["contents"])


@given(st.data())
def test_answer_when_it_is_odd_in_any_way_then_the_same_again_or_it_cannot_be_read(data: st.DataObject) -> None:
    body = odd(data.draw, data.draw(st.sampled_from(ANSWERS)))
    answer = _read(codec.decode_answer, body)
    if answer is not None:
        same(codec.encode_answer(answer, ASKED).body, body)


@given(st.lists(st.sampled_from(CHUNKS), max_size=8))
def test_stream_when_its_chunks_come_in_any_order_then_it_is_the_same_again(chunks: list[Json]) -> None:
    same(streamed_again(chunks), chunks)


@given(st.data())
def test_stream_when_it_is_odd_in_any_way_then_the_same_again_or_it_cannot_be_read(data: st.DataObject) -> None:
    chunks = [odd(data.draw, one, 1) for one in data.draw(st.lists(st.sampled_from(CHUNKS), max_size=4))]
    made = _read(streamed_again, chunks)
    if made is not None:
        same(made, chunks)


@pytest.mark.parametrize("wire", OTHERS)
@given(data=st.data())
def test_stream_when_it_is_odd_in_any_way_then_each_other_wire_tells_it(wire: Wire, data: st.DataObject) -> None:
    decoder, encoder = codec.stream_decoder(), codecs()[wire].stream_encoder(ASKED)
    made = [*encoder.feed(())]
    for chunk in data.draw(st.lists(st.sampled_from(CHUNKS), max_size=8)):
        events = _read(decoder.feed, odd(data.draw, chunk, 1))
        frames = None if events is None else _read(encoder.feed, events)
        if frames is None:
            return
        made += frames
    made += _read(encoder.feed, decoder.end()) or ()
    assert msgspec.json.encode(made)


# What is changed is told


def test_request_when_changed_then_the_body_says_so_and_else_stays() -> None:
    body: Json = {
        "contents": [{"role": "user", "parts": [{"text": "a", "x": 1}, {"inlineData": {"mimeType": "image/png", "data": "AA"}}]}],
        "generationConfig": {"temperature": 1, "x": 1},
        "x": 1,
    }
    request = codec.decode_request(body)
    blocks = (msgspec.structs.replace(request.turns[0].blocks[0], text="b"), *request.turns[0].blocks[1:])
    turns = (msgspec.structs.replace(request.turns[0], blocks=blocks),)
    changed = msgspec.structs.replace(request, turns=turns, sampling=msgspec.structs.replace(request.sampling, temperature=0.5))
    expected = copy.deepcopy(body)
    expected["contents"][0]["parts"][0]["text"] = "b"
    expected["generationConfig"]["temperature"] = 0.5
    assert codec.encode_request(changed).body == expected


def test_answer_when_changed_then_the_body_says_so_and_else_stays() -> None:
    body: Json = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "a", "x": 1}]}, "finishReason": "STOP", "x": 1}]
    }
    answer = codec.decode_answer(body)
    choice = answer.choices[0]
    turn = msgspec.structs.replace(choice.turns[0], blocks=(msgspec.structs.replace(choice.turns[0].blocks[0], text="b"),))
    changed = msgspec.structs.replace(answer, choices=(msgspec.structs.replace(choice, turns=(turn,)),))
    expected = copy.deepcopy(body)
    expected["candidates"][0]["content"]["parts"][0]["text"] = "b"
    assert codec.encode_answer(changed, ASKED).body == expected


def test_stream_when_a_tap_changes_its_texts_then_the_chunks_say_so() -> None:
    chunks = rich(Wire.GEMINI, "stream")[:4]
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made: list[Json] = []
    for one in chunks:
        events = [
            msgspec.structs.replace(event, text=event.text.upper()) if isinstance(event, TextDelta | ReasoningDelta) else event
            for event in decoder.feed(one)
        ]
        made += encoder.feed(events)
    texts = [[part["text"] for part in one["candidates"][0]["content"]["parts"]] for one in made]
    assert texts == [["H"], ["M."], ["YÉ"], ["S, SO."]]
    assert made[2]["candidates"][0]["logprobsResult"] == chunks[2]["candidates"][0]["logprobsResult"]


def test_goldens_when_counted_then_there_are_some_of_each_kind() -> None:
    assert all(isinstance(golden, Golden) for golden in goldens(Wire.GEMINI))
    assert min(len(REQUESTS), len(ANSWERS), len(STREAMS)) >= 3
