"""Is a request, an answer or a stream of Ollama the same again after it was a canonical one, whatever it holds?"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.canonical.codec import Asked
from providers.canonical.events import Event, Failed, TextDelta
from providers.canonical.request import Request
from providers.errors import InvalidResponse
from providers.types import Wire
from providers.wire.ollama import codec
from tests.unit.providers.wire.odd import odd, same

Json = dict[str, Any]
ASKED = Asked(request=Request(wire=Wire.OLLAMA, words={}), id="x", created=1, model="m", mint=lambda prefix: prefix)
DATA = Path(__file__).parents[4] / "data" / "codecs" / "ollama"
REQUESTS = [json.loads(path.read_text()) for path in sorted(DATA.glob("*.request.json"))]
REQUESTS += json.loads((DATA / "refused.requests.json").read_text())
ANSWERS = [json.loads(path.read_text()) for path in sorted(DATA.glob("*.answer.json"))]
STREAMS = [[json.loads(line) for line in path.read_text().splitlines()] for path in sorted(DATA.glob("*.stream.ndjson"))]


@given(st.data())
def test_request_when_odd_then_it_is_the_same_again(data: st.DataObject) -> None:
    body = odd(data.draw, data.draw(st.sampled_from(REQUESTS)))
    before = copy.deepcopy(body)
    made = codec.encode_request(codec.decode_request(body))
    assert made.lossy == ()
    same(made.body, body)
    same(body, before)


@given(st.data())
def test_answer_when_odd_then_it_is_the_same_again_or_cannot_be_read(data: st.DataObject) -> None:
    body = odd(data.draw, data.draw(st.sampled_from(ANSWERS)))
    try:
        answer = codec.decode_answer(body)
    except InvalidResponse:
        return
    made = codec.encode_answer(answer, ASKED)
    assert made.lossy == ()
    same(made.body, body)


@given(st.data())
def test_stream_when_odd_then_each_line_is_the_same_again_or_cannot_be_read(data: st.DataObject) -> None:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    for line in data.draw(st.sampled_from(STREAMS)):
        body = odd(data.draw, line, most=1)
        try:
            events = decoder.feed(body)
        except InvalidResponse:
            return
        if any(isinstance(event, Failed) for event in events):
            return
        made = encoder.feed(events)
        assert len(made) == 1, "a line is a line again"
        same(made[0], body)
    assert encoder.lossy == ()


def test_line_when_a_tap_changes_its_text_then_the_line_changes() -> None:
    decoder, encoder = codec.stream_decoder(), codec.stream_encoder(ASKED)
    events: list[Event] = [
        TextDelta(event.block, "No") if isinstance(event, TextDelta) else event for event in decoder.feed(STREAMS[0][0])
    ]
    (made,) = encoder.feed(events)
    same(made, {**STREAMS[0][0], "message": {"role": "assistant", "content": "No"}})


@pytest.mark.parametrize("line", [{"error": "the model has crashed"}, {"error": "x", "status": 500}])
def test_line_when_it_is_an_error_then_it_is_one_and_the_same_again(line: Json) -> None:
    events = codec.stream_decoder().feed(line)
    assert [type(event) for event in events] == [Failed]
    assert codec.stream_encoder(ASKED).feed(events) == [line]
