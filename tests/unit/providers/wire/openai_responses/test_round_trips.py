"""Is a request, an answer or a stream of Responses the same again after it was a canonical one, whatever it holds?"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming

from providers.canonical.codec import Asked
from providers.canonical.events import ArgumentsDelta, Beside, ReasoningDelta, TextDelta
from providers.errors import CallerError, InvalidResponse
from providers.wire.openai_responses import codec
from tests.sdk_values import values_of
from tests.unit.providers.wire.odd import odd, same
from tests.unit.providers.wire.response_events import call, custom, events_of, message, reasoning, refusal, response, text

Json = dict[str, Any]
READER = codec.decode_request({"input": "hi"})
ASKED = Asked(request=READER, id="x", created=1, model="m", mint=lambda prefix: prefix)
RECORDED = Path(__file__).parents[5] / "tests" / "data"


def read(convert: Callable[[Any], Any], body: Any) -> Any:
    """None for what cannot be read, which no decoder has to."""
    try:
        return convert(body)
    except (InvalidResponse, CallerError):
        return None


def again(body: Json) -> Json | None:
    """A request, after it was canonical. None for one that the format refuses."""
    before = copy.deepcopy(body)
    request = read(codec.decode_request, body)
    assert body == before, "it was changed"
    if request is None:
        return None
    extra = request.extra
    bare = extra and msgspec.structs.replace(extra, needs=())  # what another wire must refuse, this one writes
    made = codec.encode_request(msgspec.structs.replace(request, extra=bare))
    assert made.lossy == ()
    return made.body


def answered_again(body: Json) -> Json | None:
    answer = read(codec.decode_answer, body)
    if answer is None:
        return None
    made = codec.encode_answer(answer, ASKED)
    assert made.lossy == ()
    return made.body


def streamed_again(events: list[Json]) -> list[Json]:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    return [made for event in events for made in encoder.feed(decoder.feed(event))]


# Every field of the SDK's types

PARAMS = [*values_of(ResponseCreateParamsStreaming), *values_of(ResponseCreateParamsNonStreaming)]
INPUTS = [item for body in PARAMS if isinstance(body.get("input"), list) for item in body["input"]]
BASE: Json = {**PARAMS[0], "input": "hi"}


@pytest.mark.parametrize("number", range(len(PARAMS)))
def test_request_when_it_has_any_value_of_the_sdk_then_it_is_the_same_again(number: int) -> None:
    body = PARAMS[number]
    made = again(body)
    if made is not None:
        same(made, body)


def test_requests_when_of_the_sdks_types_then_nearly_all_can_be_read() -> None:
    assert sum(again(body) is not None for body in PARAMS) > 0.9 * len(PARAMS)
    assert len(INPUTS) > 40


@pytest.mark.parametrize("number", range(len(INPUTS)))
def test_item_when_it_has_any_value_of_the_sdk_then_it_is_the_same_again(number: int) -> None:
    body = {"input": [INPUTS[number]]}
    made = again(body)
    if made is not None:
        same(made, body)


ANSWERS = values_of(Response)


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_answer_when_it_has_any_value_of_the_sdk_then_it_is_the_same_again(number: int) -> None:
    made = answered_again(ANSWERS[number])
    if made is not None:
        same(made, ANSWERS[number])


EVENTS = values_of(ResponseStreamEvent)


@pytest.mark.parametrize("number", range(len(EVENTS)))
def test_event_when_it_has_any_value_of_the_sdk_then_it_is_the_same_again(number: int) -> None:
    made = read(streamed_again, [EVENTS[number]])
    if made is not None:
        same(made, [EVENTS[number]])


# Spellings, unknown fields, nulls


@given(st.data())
def test_request_when_it_is_odd_in_any_way_then_it_is_the_same_again_or_refused(data: st.DataObject) -> None:
    body = dict(data.draw(st.sampled_from(PARAMS)))
    body["input"] = data.draw(st.lists(st.sampled_from(INPUTS), max_size=2) | st.just("hi"))
    body["tools"] = data.draw(st.lists(st.sampled_from(body.get("tools") or [{}]), max_size=2))
    body = data.draw(odd(body))
    made = again(body)
    if made is not None:
        same(made, body)


@given(st.data())
def test_answer_when_it_is_odd_in_any_way_then_the_same_again_or_it_cannot_be_read(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(ANSWERS))
    outputs = data.draw(st.lists(st.sampled_from(body["output"] or [{}]), max_size=2))
    body = data.draw(odd({**body, "output": outputs}))
    made = answered_again(body)
    if made is not None:
        same(made, body)


OUTPUTS = (
    message(text("hello", annotations=[{"type": "url_citation", "url": "https://x", "start_index": 0, "end_index": 2}])),
    message(text("a"), refusal("I can't"), number=3),
    reasoning("hm", "so", thoughts=("raw",)),
    call(),
    call(2, "{}"),
    custom(),
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
)


@given(st.lists(st.sampled_from(OUTPUTS), max_size=4), st.data())
def test_stream_when_its_items_come_in_any_order_then_it_is_the_same_again(output: list[Json], data: st.DataObject) -> None:
    events = events_of(response(*output))
    events = [data.draw(odd(one, 1)) if data.draw(st.booleans()) else one for one in events]
    made = read(streamed_again, events)
    if made is not None:
        same(made, events)


# What a tap changes is told


def test_stream_when_a_tap_changes_its_texts_then_closing_events_say_so_too() -> None:
    events = events_of(response(message(text("hello")), reasoning("hm"), call(arguments='{"a":"b"}')))
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made: list[Json] = []
    for one in events:
        told = [
            msgspec.structs.replace(event, text=event.text.upper())
            if isinstance(event, TextDelta | ReasoningDelta | ArgumentsDelta)
            else event
            for event in decoder.feed(one)
        ]
        made += encoder.feed(told)
    expected = (
        json.dumps(events).replace("hello", "HELLO").replace('"hm"', '"HM"').replace('{\\"a\\":\\"b\\"}', '{\\"A\\":\\"B\\"}')
    )
    final = json.loads(expected)[-1]["response"]["output"]
    assert made[-1]["response"]["output"] == final
    assert [one["item"] for one in made if one["type"] == "response.output_item.done"] == final


def test_stream_when_a_tap_drops_a_piece_then_its_frame_is_gone() -> None:
    events = events_of(response(message(text("hello"))))
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    made = [
        frame
        for one in events
        for frame in encoder.feed([event for event in decoder.feed(one) if not isinstance(event, TextDelta)])
    ]
    assert not any(frame["type"] == "response.output_text.delta" for frame in made)
    assert made[-1]["response"]["output"][0]["content"][0]["text"] == ""


def test_stream_when_read_then_texts_stand_in_their_events_and_not_beside_them() -> None:
    decoder = codec.stream_decoder()
    for one in events_of(response(message(text("hello")), call())):
        beside = decoder.feed(one)[-1]
        assert isinstance(beside, Beside)
        told = json.dumps(beside.extra.fields)
        assert not [text for text in ("hel", '"lo"', "hello", '\\"a\\":1') if text in told]


def test_request_when_changed_then_the_body_says_so() -> None:
    body = {"model": "m", "input": "a", "max_output_tokens": 50, "temperature": 1, "x": 1, "reasoning": {"effort": "low"}}
    request = codec.decode_request(body)
    sampling = msgspec.structs.replace(request.sampling, temperature=0.5)
    limits = msgspec.structs.replace(request.limits, output_tokens=60)
    thinking = msgspec.structs.replace(request.thinking, effort="high")
    changed = msgspec.structs.replace(request, model="n", sampling=sampling, limits=limits, thinking=thinking)
    expected = {**body, "model": "n", "temperature": 0.5, "max_output_tokens": 60, "reasoning": {"effort": "high"}}
    assert codec.encode_request(changed).body == expected


# Recorded

RECORDINGS = sorted(RECORDED.rglob("*.responses.*"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recording_when_it_is_of_responses_then_it_is_the_same_again(path: Path) -> None:
    if path.suffix == ".sse":
        lines = [line.removeprefix("data: ") for line in path.read_text().splitlines() if line.startswith("data: ")]
        events = [json.loads(line) for line in lines if line != "[DONE]"]
        same(streamed_again(events), events)
        return
    body = json.loads(path.read_text())
    if ".request." in path.name:
        body = body.get("body", body)
        same(again(body), body)
    else:
        same(answered_again(body), body)


def test_recordings_when_counted_then_there_are_some_of_each_kind() -> None:
    assert [sum(f".{kind}.responses" in path.name for path in RECORDINGS) for kind in ("request", "answer", "stream")] == [17] * 3
