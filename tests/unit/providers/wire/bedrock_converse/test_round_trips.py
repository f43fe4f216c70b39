"""Is a request, an answer or a stream of Converse the same again after it was a canonical one, whatever it holds?"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical.codec import Asked, Traits
from providers.canonical.request import Request
from providers.convert.codecs import codecs
from providers.errors import CallerError, InvalidResponse
from providers.types import Wire
from providers.wire.bedrock_converse import codec
from tests.contract.goldens import asked_in, goldens
from tests.unit.providers.wire.odd import odd, same

Json = dict[str, Any]
ASKED = Asked(request=Request(wire=Wire.BEDROCK_CONVERSE, words={}), id="x", created=1, model="m", mint=lambda prefix: prefix)
REQUESTS, ANSWERS, STREAMS = (
    [golden.value() for golden in goldens(Wire.BEDROCK_CONVERSE) if golden.kind == kind]
    for kind in ("request", "answer", "stream")
)
MESSAGES = [message for one in REQUESTS for message in one["messages"]]
FRAMES = [frame for stream in STREAMS for frame in stream]
OTHERS = sorted(wire for wire in codecs() if wire is not Wire.BEDROCK_CONVERSE)
MODELS = ("", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0", "meta.llama3-70b-instruct-v1:0")


def again(body: Json) -> Json:
    before = copy.deepcopy(body)
    made = codec.encode_request(codec.decode_request(body))
    assert made.lossy == ()
    assert body == before, "it was changed"
    return made.body


@given(st.data())
def test_request_when_it_is_odd_in_any_way_then_it_is_the_same_again(data: st.DataObject) -> None:
    body = dict(data.draw(st.sampled_from(REQUESTS)))
    if data.draw(st.booleans()):
        body["messages"] = data.draw(st.lists(st.sampled_from(MESSAGES), max_size=3))
    body = odd(data.draw, body)
    same(again(body), body)


@pytest.mark.parametrize("wire", OTHERS)
@given(data=st.data())
def test_request_when_odd_in_another_wire_then_converse_takes_it_or_says_where_it_is_wrong(
    wire: Wire, data: st.DataObject
) -> None:
    body = odd(data.draw, data.draw(st.sampled_from([one.value() for one in goldens(wire) if one.kind == "request"])))
    model = data.draw(st.sampled_from(MODELS))
    failure: CallerError | None = None
    try:
        request = codecs()[wire].decode_request(body)
        made = codec.encode_request(request, Traits(model=model))
    except CallerError as error:
        failure = error
    else:
        assert msgspec.json.encode(made.body)
        check(made.body)
    assert failure is None or failure.param is not None


def check(body: Json) -> None:
    """What Converse demands of every request."""
    roles = [message["role"] for message in body["messages"]]
    assert not [1 for before, after in pairwise(roles) if before == after], "roles take turns"
    blocks = [block for message in body["messages"] for block in message["content"]]
    assert all(message["content"] for message in body["messages"])
    assert not [block for block in blocks if "text" in block and not block["text"].strip()]
    names = [block["document"]["name"] for block in blocks if "document" in block]
    assert len(set(names)) == len(names)
    calls = [block["toolUse"] for block in blocks if "toolUse" in block]
    assert all(isinstance(call["input"], dict) and 1 <= len(call["toolUseId"]) <= 64 for call in calls)
    if calls:
        assert body["toolConfig"]["tools"]


def _read(convert: Callable[[Any], Any], body: Any) -> Any:
    """None for what cannot be read, which no decoder has to."""
    try:
        return convert(body)
    except InvalidResponse:
        return None


@given(st.data())
def test_answer_when_it_is_odd_in_any_way_then_it_is_the_same_again_or_cannot_be_read(data: st.DataObject) -> None:
    body = odd(data.draw, data.draw(st.sampled_from(ANSWERS)))
    answer = _read(codec.decode_answer, body)
    if answer is not None:
        made = codec.encode_answer(answer, ASKED)
        same(made.body, body)
        assert made.lossy == ()


@pytest.mark.parametrize("wire", OTHERS)
@given(data=st.data())
def test_answer_when_it_is_odd_in_any_way_then_each_other_wire_tells_it(wire: Wire, data: st.DataObject) -> None:
    answer = _read(codec.decode_answer, odd(data.draw, data.draw(st.sampled_from(ANSWERS))))
    if answer is not None:
        made = _read(lambda one: codecs()[wire].encode_answer(one, asked_in(wire)), answer)
        assert made is None or msgspec.json.encode(made.body)


@given(st.data())
def test_stream_when_its_events_are_odd_then_each_is_the_same_again_or_cannot_be_read(data: st.DataObject) -> None:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    for frame in data.draw(st.sampled_from(STREAMS)):
        given = odd(data.draw, frame, most=1) if data.draw(st.integers(0, 4)) == 0 else frame
        events = _read(decoder.feed, copy.deepcopy(given))
        if events is None:
            return
        (made,) = encoder.feed(events)
        same(made, given)


@pytest.mark.parametrize("wire", OTHERS)
@given(data=st.data())
def test_stream_when_its_events_are_odd_then_each_other_wire_tells_them(wire: Wire, data: st.DataObject) -> None:
    decoder, encoder = codec.stream_decoder(), codecs()[wire].stream_encoder(asked_in(wire))
    encoder.feed(())
    for frame in [*data.draw(st.lists(st.sampled_from(FRAMES), max_size=12)), *STREAMS[0][-2:]]:
        events = _read(decoder.feed, odd(data.draw, frame, most=1))
        if events is None:
            return
        made = _read(encoder.feed, events)
        assert made is None or msgspec.json.encode(made)
