"""Does a stream amount to the whole answer, and the other way round, in every wire? And what of streams that are odd?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from providers.bytes.patch import fields_of
from providers.canonical.answer import Answer
from providers.canonical.blocks import Image, Reasoning, Refusal, Text, ToolCall
from providers.canonical.codec import Asked
from providers.canonical.fold import events_of, folded
from providers.canonical.request import Request
from providers.capabilities import Capability
from providers.convert.codecs import codecs
from providers.convert.reading import answer_so_far, asked_of, canonical_answer, frames_of, streamed_answer
from providers.errors import InvalidResponse
from providers.types import Call, Wire
from providers.wire.over_http import OVER_HTTP
from tests.matrix.players import UPSTREAMS
from tests.matrix.situations import SITUATIONS

DATA = Path(__file__).parents[3] / "data"
SPELLED = {"chat": Wire.OPENAI_CHAT, "responses": Wire.OPENAI_RESPONSES}
MATRIX = {"chat": Wire.OPENAI_CHAT, "openai_responses": Wire.OPENAI_RESPONSES, "anthropic": Wire.ANTHROPIC_MESSAGES}

LEFT_OUT = {"extra": None, "place": ()}
NO_ANSWERS = {"ollama/load.answer.json"}
"""What a model has not said."""


def wire_of(name: str) -> Wire:
    """The wire of an upstream of the matrix."""
    return MATRIX.get(name) or next(wire for wire in codecs() if name in (wire.value, wire.value.partition("_")[0]))


def answers() -> Iterator[tuple[str, Wire, bytes]]:
    """Whole answers, recorded and of the matrix."""
    for path in sorted(DATA.glob("codecs/*/*.answer.json")):
        yield f"{path.parent.name}/{path.name}", Wire(path.parent.name), path.read_bytes()
    for path in sorted(DATA.glob("responses/*/*.answer.*.json")):
        yield f"{path.parent.name}/{path.name}", SPELLED[path.name.split(".")[-2]], path.read_bytes()
    for name, upstream in UPSTREAMS.items():
        for situation, played in SITUATIONS.items():
            yield f"{name}/{situation}", wire_of(name), upstream.whole(played.tell).body


def streams() -> Iterator[tuple[str, Wire, bytes, bytes]]:
    """Streams, each with the whole answer that says the same."""
    for path in sorted(DATA.glob("responses/*/*.stream.*.sse")):
        kind = path.name.split(".")[-2]
        whole = path.with_name(path.name.replace(".stream.", ".answer.").replace(".sse", ".json"))
        yield f"{path.parent.name}/{path.name}", SPELLED[kind], path.read_bytes(), whole.read_bytes()
    for name, upstream in UPSTREAMS.items():
        for situation, played in SITUATIONS.items():
            told = b"".join(upstream.streamed(played.tell).chunks or ())
            yield f"{name}/{situation}", wire_of(name), told, upstream.whole(played.tell).body


ANSWERS = [row for row in answers() if row[0] not in NO_ANSWERS]
STREAMS = list(streams())
ODD = [row for row in STREAMS if row[1] is not Wire.BEDROCK_CONVERSE][::3]
"""AWS's frames have sums, by which a damaged one is refused before it is read."""
each_answer = pytest.mark.parametrize(("wire", "body"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
each_stream = pytest.mark.parametrize(("wire", "data", "body"), [row[1:] for row in STREAMS], ids=[row[0] for row in STREAMS])


def bare(value: Any) -> Any:
    """A canonical value without what only its own wire understands, and where it stood."""
    if isinstance(value, msgspec.Struct):
        kept = {name: bare(getattr(value, name)) for name in value.__struct_fields__}
        return replace(value, **{name: LEFT_OUT.get(name, inner) for name, inner in kept.items()})
    return tuple(bare(inner) for inner in value) if isinstance(value, tuple) else value


def frames_in(wire: Wire, data: bytes) -> list[bytes]:
    framing = OVER_HTTP[wire].framing
    splitter = framing.splitter()
    frames = splitter.feed(data)
    rest = splitter.rest()
    return [*frames, framing.last(rest)] if rest.strip() else frames


def essence(answer: Answer) -> dict[str, Any]:
    """What every wire can tell of an answer, however it cuts it into blocks."""
    said: dict[str, Any] = {"text": "", "thoughts": "", "refusal": "", "calls": [], "images": 0}
    for choice in answer.choices[:1]:
        for block in (block for turn in choice.turns for block in turn.blocks):
            if isinstance(block, Text):
                said["text"] += block.text
            elif isinstance(block, Refusal):
                said["refusal"] += block.text
            elif isinstance(block, Reasoning):
                said["thoughts"] += block.text
            elif isinstance(block, ToolCall):
                said["calls"].append((block.name, json_of(block.arguments), block.kind))
            said["images"] += isinstance(block, Image)
        said["stop"] = None if choice.stop is None else choice.stop.reason
    return said


def json_of(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def read(wire: Wire, body: bytes) -> Answer:
    answer = canonical_answer(wire, json.loads(body))
    assert answer is not None
    return answer


@each_answer
def test_events_of_when_they_are_folded_then_the_answer_is_there_again(wire: Wire, body: bytes) -> None:
    answer = read(wire, body)
    assert bare(folded(event for events in events_of(answer) for event in events)) == bare(answer)


@each_answer
def test_frames_of_when_they_are_read_then_they_say_what_the_answer_says(wire: Wire, body: bytes) -> None:
    answer = read(wire, body)
    told = streamed_answer(wire, frames_in(wire, b"".join(frames_of(answer, wire, asked(wire)))))
    assert told is not None
    assert essence(told) == essence(answer) | ({"images": essence(told)["images"]} if wire is Wire.OPENAI_CHAT else {})
    assert (told.used and told.used.tokens) == (answer.used and answer.used.tokens)


def asked(wire: Wire) -> Asked:
    call = Call(
        capability=Capability.CHAT, wire=wire, model="m", body=b"{}", fields=fields_of(b"{}"), request_id="r", stream=True
    )
    return asked_of(call, Request(wire=wire, words={}, model="m"))


@each_stream
def test_streamed_answer_when_a_stream_is_recorded_then_it_is_the_whole_one(wire: Wire, data: bytes, body: bytes) -> None:
    told, whole = streamed_answer(wire, frames_in(wire, data)), read(wire, body)
    assert told is not None
    assert essence(told) == essence(whole)


@pytest.mark.parametrize(("wire", "data"), [row[1:3] for row in ODD], ids=[row[0] for row in ODD])
def test_streamed_answer_when_a_stream_is_odd_then_it_raises_nothing_but_that_it_cannot_be_read(wire: Wire, data: bytes) -> None:
    frames = frames_in(wire, data)
    for place, frame in enumerate(frames):
        for odd in (
            frame[: len(frame) // 2],
            frame.replace(b'"', b"\xff", 3),
            frame.replace(b":", b": 7, ", 2),
            b"data: 7\n\n",
            b"[]\n",
        ):
            told = [*frames[:place], odd, *frames[place + 1 :]]
            with suppress(InvalidResponse):
                streamed_answer(wire, told)
            answer_so_far(wire, told)
        streamed_answer(wire, frames[:place])


def test_frames_of_when_thoughts_are_sealed_then_they_are_what_they_were() -> None:
    told = {"type": "redacted_thinking", "data": "c2VhbA=="}
    body = {"id": "msg_1", "type": "message", "role": "assistant", "content": [told], "model": "m", "stop_reason": "end_turn"}
    answer = read(Wire.ANTHROPIC_MESSAGES, json.dumps(body | {"usage": {"input_tokens": 1, "output_tokens": 1}}).encode())
    frames = b"".join(frames_of(answer, Wire.ANTHROPIC_MESSAGES, asked(Wire.ANTHROPIC_MESSAGES)))
    assert b'"data":"c2VhbA=="' in frames


def test_streamed_answer_when_a_character_is_cut_in_two_then_it_is_whole() -> None:
    halves = ("a\\ud83d", "\\ude00b", "\\udc00")
    frames = [b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % half.encode() for half in halves]
    answer = streamed_answer(Wire.OPENAI_CHAT, frames)
    assert answer is not None
    assert essence(answer)["text"] == "a😀b\ufffd"
