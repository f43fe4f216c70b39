"""How do events of Messages reach a client whose upstream speaks Messages?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from providers.errors import EmptyStream, Failure, InvalidResponse, Overloaded, StreamTruncated
from providers.types import Usage
from providers.wire.anthropic_messages.framing import frame_of
from providers.wire.anthropic_messages.relay import MessagesRelay
from tests.unit.providers.wire.anthropic_messages.asking import Json

RICH = (Path(__file__).parents[4] / "data" / "codecs" / "anthropic_messages" / "rich.stream.sse").read_bytes()
START: Json = {"type": "message_start", "message": {"id": "m", "model": "up", "usage": {"input_tokens": 5, "output_tokens": 1}}}
TEXT: list[Json] = [
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 'a "model" b'}},
    {"type": "content_block_stop", "index": 0},
]
STOP: Json = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
END: Json = {"type": "message_stop"}


def frames(*events: Json) -> bytes:
    return b"".join(map(frame_of, events))


def test_stream_when_relayed_then_only_the_models_name_is_changed() -> None:
    relay = MessagesRelay("public")
    out = b"".join(relay.feed(RICH))
    assert out == RICH.replace(b'"model":"upstream"', b'"model":"public"')
    assert relay.done
    assert relay.end() == []
    assert relay.usage == Usage(24, 9, 8, 3, 2)
    assert relay.deltas == RICH.count(b"event: content_block_delta")


@pytest.mark.parametrize("size", [1, 7, 100])
def test_stream_when_cut_anywhere_then_it_is_the_same(size: int) -> None:
    relay = MessagesRelay("upstream")
    out = [frame for at in range(0, len(RICH), size) for frame in relay.feed(RICH[at : at + size])]
    assert b"".join(out) == RICH


def test_stream_when_only_its_head_has_come_then_it_has_not_started() -> None:
    relay = MessagesRelay("m")
    relay.feed(frames(START, {"type": "ping"}))
    assert not relay.started
    relay.feed(frames(TEXT[0]))
    assert relay.started


def test_error_when_it_comes_before_any_content_then_it_is_the_upstreams_error() -> None:
    relay = MessagesRelay("m")
    relay.feed(frames(START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    assert not relay.started
    with pytest.raises(Overloaded):
        relay.end()


def test_error_when_it_comes_later_then_it_is_not_relayed_but_told() -> None:
    relay = MessagesRelay("m")
    out = relay.feed(frames(START, *TEXT, {"type": "error", "error": {"type": "api_error", "message": "x"}}, STOP))
    assert len(out) == 4
    assert relay.error is not None
    told = relay.broken(Failure(503, "upstream_overloaded", "overloaded_error", "The provider is overloaded."))
    assert told == [
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"The provider is overloaded."}}\n\n'
    ]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (b"", EmptyStream),
        (frames(START), EmptyStream),
        (frames(START, *TEXT), StreamTruncated),
        (frames(START, *TEXT)[:-9], StreamTruncated),
    ],
)
def test_stream_when_it_is_cut_off_then_it_is_an_error(given: bytes, error: type[Exception]) -> None:
    relay = MessagesRelay("m")
    relay.feed(given)
    with pytest.raises(error):
        relay.end()


def test_stream_when_its_last_event_is_missing_then_it_is_added() -> None:
    relay = MessagesRelay("m")
    relay.feed(frames(START, *TEXT, STOP))
    assert relay.end() == [frame_of(END)]
    assert relay.done


def test_events_when_they_have_no_names_or_other_line_ends_then_they_have_names() -> None:
    relay = MessagesRelay("m")
    bare = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in (START, *TEXT, STOP, END))
    out = relay.feed(bare + b"data: [DONE]\n\n")
    assert [frame.split(b"\n")[0].decode() for frame in out] == [f"event: {event['type']}" for event in (START, *TEXT, STOP, END)]
    assert (relay.done, relay.deltas, relay.usage) == (True, 1, Usage(5, 9))


def test_error_when_it_has_no_type_then_it_is_one_all_the_same() -> None:
    relay = MessagesRelay("m")
    relay.feed(b'data: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n')
    assert isinstance(relay.error, Overloaded)


@pytest.mark.parametrize("data", [b"nonsense", b"[1]", b'{"type":"message_start","message":7}', b'{"type":"message_start"}'])
def test_event_when_it_cannot_be_read_then_it_is_an_error(data: bytes) -> None:
    relay = MessagesRelay("m")
    relay.feed(b"event: message_start\ndata: " + data + b"\n\n")
    assert isinstance(relay.error, InvalidResponse)


def test_error_when_whole_in_the_place_of_a_stream_then_it_is_raised() -> None:
    relay = MessagesRelay("m")
    relay.feed(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    with pytest.raises(Overloaded):
        relay.end()


def test_comment_when_it_comes_then_it_passes() -> None:
    assert MessagesRelay("m").feed(b": still here\n\n") == [b": still here\n\n"]
