"""Is a request, a message or a stream of Messages the same again after it was a canonical one, whatever it holds?"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical.codec import Asked
from providers.canonical.events import ArgumentsDelta, ReasoningDelta, TextDelta
from providers.canonical.request import Request
from providers.errors import InvalidResponse
from providers.types import Wire
from providers.wire.anthropic_messages import codec
from tests.unit.providers.wire.odd import odd, same

Json = dict[str, Any]
ASKED = Asked(request=Request(wire=Wire.ANTHROPIC_MESSAGES, words={}), id="x", created=1, model="m", mint=lambda prefix: prefix)
DATA = Path(__file__).parents[4] / "data" / "codecs" / "anthropic_messages"


def again(body: Json) -> Json:
    """A request, after it was canonical."""
    before = copy.deepcopy(body)
    made = codec.encode_request(codec.decode_request(body))
    assert made.lossy == ()
    assert body == before, "it was changed"
    return made.body


def read(convert: Callable[[Any], Any], value: Any) -> Any:
    """None for what cannot be read, which no decoder has to."""
    try:
        return convert(value)
    except InvalidResponse:
        return None


def answered_again(body: Json) -> Json | None:
    answer = read(codec.decode_answer, body)
    if answer is None:
        return None
    made = codec.encode_answer(answer, ASKED)
    assert made.lossy == ()
    return made.body


def streamed_again(frames: list[Json]) -> list[Json]:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made = [list(encoder.feed(decoder.feed(frame))) for frame in frames]
    assert [len(one) for one in made] == [1] * len(frames), "a frame is a frame again"
    assert encoder.feed(decoder.end()) in ((), ({"type": "message_stop"},)), "nothing but an end that was left out"
    assert encoder.lossy == ()
    return [frame for (frame,) in made]


# Spellings, unknown fields, nulls

RICH = json.loads((DATA / "rich.request.json").read_text())
ANSWER = json.loads((DATA / "rich.answer.json").read_text())
STREAM = [json.loads(line[6:]) for line in (DATA / "rich.stream.sse").read_text().splitlines() if line.startswith("data: ")]


@given(st.data())
def test_request_when_it_is_odd_in_any_way_then_it_is_the_same_again(data: st.DataObject) -> None:
    body = {name: value for name, value in RICH.items() if data.draw(st.booleans())}
    body["messages"] = data.draw(st.lists(st.sampled_from(RICH["messages"]), max_size=3))
    body = odd(data.draw, body)
    same(again(body), body)


@given(st.data())
def test_message_when_it_is_odd_in_any_way_then_the_same_again_or_it_cannot_be_read(data: st.DataObject) -> None:
    content = data.draw(st.lists(st.sampled_from(ANSWER["content"]), max_size=3))
    body = odd(data.draw, {**ANSWER, "content": content})
    made = answered_again(body)
    if made is not None:
        same(made, body)


@given(st.data())
def test_stream_when_some_events_are_odd_then_the_same_again_or_it_cannot_be_read(data: st.DataObject) -> None:
    frames = [odd(data.draw, one, 1) if data.draw(st.integers(0, 5)) == 0 else one for one in STREAM]
    made = read(streamed_again, frames)
    if made is not None:
        same(made, frames)


@given(st.lists(st.sampled_from(STREAM), max_size=12))
def test_stream_when_its_events_come_in_any_order_then_the_same_again_or_it_cannot_be_read(frames: list[Json]) -> None:
    made = read(streamed_again, frames)
    if made is not None:
        same(made, frames)


# What a tap changes is told


def test_stream_when_a_tap_changes_its_texts_then_the_frames_say_so() -> None:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made: list[Json] = []
    for frame in STREAM:
        told = [
            msgspec.structs.replace(event, text=event.text.upper())
            if isinstance(event, TextDelta | ReasoningDelta | ArgumentsDelta)
            else event
            for event in decoder.feed(frame)
        ]
        made += encoder.feed(told)
    texts = [frame["delta"].get("text") or frame["delta"].get("thinking") for frame in made if "delta" in frame]
    assert [text for text in texts if text] == ["HM", ".", "YE", "S"]


def test_stream_when_a_tap_drops_a_piece_then_its_frame_is_gone() -> None:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made = [
        frame
        for one in STREAM
        for frame in encoder.feed([event for event in decoder.feed(one) if not isinstance(event, TextDelta)])
    ]
    assert not [frame for frame in made if frame.get("delta", {}).get("type") == "text_delta"]


def test_request_when_changed_then_the_body_says_so() -> None:
    body = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "a"}], "temperature": 1, "x": 1}
    request = codec.decode_request(body)
    sampling = msgspec.structs.replace(request.sampling, temperature=0.5)
    limits = msgspec.structs.replace(request.limits, output_tokens=60)
    changed = msgspec.structs.replace(request, model="n", sampling=sampling, limits=limits)
    assert codec.encode_request(changed).body == {**body, "model": "n", "temperature": 0.5, "max_tokens": 60}
