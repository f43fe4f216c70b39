"""Does the relay change the model's name and an unasked usage, and nothing else, however the stream is cut?"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.bytes import sse
from providers.errors import CallerError, EmptyStream, InvalidResponse, Overloaded, ProviderError, RateLimited, StreamTruncated
from providers.types import Usage
from providers.wire.openai_chat.relay import ChatStreamRelay

PUBLIC = "public/é"
SHOWN = '"public/é"'.encode()
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 3}}


def chunk(content: str | None = "x", finish: str | None = None, **fields: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "c1", "object": "chat.completion.chunk", "model": "upstream", "choices": choices} | fields


def frame(value: Any, *, spaced: bool = False) -> bytes:
    separators = (", ", ": ") if spaced else (",", ":")
    return b"data: " + json.dumps(value, separators=separators, ensure_ascii=False).encode() + b"\n\n"


def stream_of(*values: Any, spaced: bool = False) -> bytes:
    return b"".join(frame(value, spaced=spaced) for value in values)


def relayed(stream: bytes | Iterable[bytes], *, include_usage: bool = False) -> tuple[bytes, ChatStreamRelay]:
    """All that a client gets of a stream that ends well, and the relay."""
    relay = ChatStreamRelay(PUBLIC, include_usage=include_usage)
    frames = [frame for part in ([stream] if isinstance(stream, bytes) else stream) for frame in relay.feed(part)]
    frames += [] if relay.done else relay.end()
    assert all(sse.FrameSplitter().feed(frame) == [frame] for frame in frames)
    return b"".join(frames), relay


def told(stream: bytes) -> list[Any]:
    """What a client reads: the JSON of each event, or its text."""
    frames = sse.FrameSplitter().feed(stream)
    assert b"".join(frames) == stream
    texts = [data.decode() for each in frames if (data := sse.data_of(each)) is not None]
    return [json.loads(text) if text.startswith("{") else text for text in texts]


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    return [stream[a:b] for a, b in pairwise([0, *sorted(places), len(stream)])]


# The model's name

TRICKY = [
    chunk('"model":"upstream"'),
    chunk('\\"model\\":\\"upstream\\" {"usage":{"prompt_tokens":1}} "finish_reason":"stop" [DONE] "error":{}'),
    chunk("data: [DONE]\n\ndata: x\r\n\r\n"),
    chunk("模 😀 \u2028 \x00 \x7f"),
    {"model": "upstream", **chunk()},
    {"extra": {"model": "upstream", "deep": [{"model": "upstream"}]}, **chunk()},
    {"extra": [{"model": "upstream"}], "id": "c1", "choices": [{"delta": {"model": "upstream"}}], "model": "upstream"},
    chunk(model="another"),
    chunk(model="upstream-2026"),
    chunk(model=PUBLIC),
    chunk(model=""),
    chunk(model=None),
    chunk(model=1),
    chunk(model=12),
    {key: value for key, value in chunk().items() if key != "model"},
    chunk(None, finish="stop"),
]


def expected_of(values: Iterable[Any], *, include_usage: bool = False) -> list[Any]:
    """The events that a client is to get, made from decoded JSON."""
    events = []
    for value in values:
        changed = dict(value)
        if "model" in changed:
            changed["model"] = PUBLIC
        if changed.get("usage") and not include_usage:
            if not changed.get("choices"):
                continue
            del changed["usage"]
        events.append(changed)
    return [*events, "[DONE]"]


@pytest.mark.parametrize("spaced", [False, True], ids=["compact", "spaced"])
def test_model_when_relayed_then_renamed_in_every_chunk_and_nowhere_else(spaced: bool) -> None:
    out, _ = relayed(stream_of(*TRICKY, spaced=spaced) + DONE)
    assert told(out) == expected_of(TRICKY)


def test_model_when_relayed_then_no_other_byte_changes() -> None:
    stream = b'data:  {"id" : "1",\t"model"\t: "upstream" ,"x":1.50e+1,"choices":[{"delta":{}}], "z":"\\u00e9\\/"}  \n\n'
    out, _ = relayed(stream * 3 + frame(chunk(None, "stop")) + DONE)
    assert out.startswith(stream.replace(b'"upstream"', SHOWN) * 3 + b"data: {")


def test_model_when_an_event_has_other_lines_then_they_are_kept() -> None:
    line = b'event: chunk\nid: 7\ndata: {"model":"upstream","choices":[{"delta":{}}]}\n: c\n\n'
    out, _ = relayed(line * 2 + DONE)
    assert out == line.replace(b'"upstream"', SHOWN) * 2 + DONE


def test_model_when_the_data_stands_on_several_lines_then_renamed_and_still_one_event() -> None:
    out, relay = relayed(b'data: {"model":\ndata: "upstream",\ndata: "choices":[{"delta":{"content":"a"}}]}\n\n' * 2 + DONE)
    assert told(out) == [{"model": PUBLIC, "choices": [{"delta": {"content": "a"}}]}] * 2 + ["[DONE]"]
    assert relay.events == 2


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_model_when_lines_end_otherwise_then_renamed_and_the_ends_kept(end: bytes) -> None:
    stream = (stream_of(chunk("a"), chunk("b"), chunk(None, "stop")) + DONE).replace(b"\n", end)
    out, _ = relayed(stream)
    assert out == stream.replace(b'"upstream"', SHOWN)


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["c1", '"model":"upstream"', "\\"]),
        "model": st.sampled_from(["upstream", "other", PUBLIC, "", 'quo"te', None]),
        "choices": st.lists(
            st.fixed_dictionaries(
                {"delta": st.dictionaries(st.sampled_from(["content", "model", "error"]), st.text(max_size=4), max_size=2)},
                optional={
                    "finish_reason": st.sampled_from([None, "stop", "length"]),
                    "usage": st.sampled_from([None, USAGE]),
                    "model": st.just("upstream"),
                },
            ),
            max_size=2,
        ),
        "usage": st.sampled_from([None, USAGE]),
        "error": st.sampled_from([None, "", {}, False]),
        "extra": st.sampled_from([{"model": "upstream"}, [{"model": "upstream"}], '"model":"upstream"', "model"]),
    },
).flatmap(lambda value: st.permutations(list(value.items())).map(dict))


@given(st.lists(VALUES, max_size=6), st.booleans(), st.booleans())
def test_relay_when_chunks_are_anything_then_it_says_what_decoding_each_would_say(
    values: list[dict[str, Any]], spaced: bool, include_usage: bool
) -> None:
    out, relay = relayed(stream_of(*values, spaced=spaced) + DONE, include_usage=include_usage)
    assert told(out) == expected_of(values, include_usage=include_usage)
    assert relay.finished == any(c.get("finish_reason") for value in values for c in value.get("choices", []))
    assert relay.events == sum(bool(value.get("choices")) for value in values)
    assert (relay.usage is not None) == any(value.get("usage") for value in values)


# Cuts

WHOLE = (
    b": hello\n\n\n"
    + stream_of(chunk("", usage=None), *TRICKY, chunk("模😀", spaced=1), chunk(None, "stop", usage=USAGE))
    + b"data: {broken\n\n\n\nevent: x\ndata:\n\n"
    + frame({"model": "upstream", "choices": [], "usage": USAGE}, spaced=True)
    + DONE
    + frame(chunk("after the end"))
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8), st.booleans())
@example(list(range(len(WHOLE))), False)
def test_relay_when_cut_anywhere_then_the_same_bytes(places: list[int], include_usage: bool) -> None:
    assert relayed(cut(WHOLE, places), include_usage=include_usage)[0] == relayed(WHOLE, include_usage=include_usage)[0]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_relay_when_cut_at_every_byte_then_the_same_events(end: bytes) -> None:
    stream = (b"\xef\xbb\xbf" + stream_of(chunk("模😀"), chunk(None, "stop"), chunk(choices=[], usage=USAGE)) + DONE).replace(
        b"\n", end
    )
    expected = told(relayed(stream)[0])
    assert len(expected) == 3
    for place in range(len(stream)):
        assert told(relayed(cut(stream, [place]))[0]) == expected


# Usage


@pytest.mark.parametrize("spaced", [False, True], ids=["compact", "spaced"])
@pytest.mark.parametrize("choices", [[], None, "absent"], ids=["no choices", "null", "absent"])
def test_usage_chunk_when_not_asked_for_then_dropped_and_noted(choices: Any, spaced: bool) -> None:
    last = chunk(choices=choices, usage=USAGE)
    if choices == "absent":
        del last["choices"]
    stream = stream_of(chunk("a"), chunk("b"), chunk(None, "stop"), last, spaced=spaced) + DONE
    out, relay = relayed(stream)
    assert told(out) == expected_of([chunk("a"), chunk("b"), chunk(None, "stop")])
    assert relay.usage == Usage(input_tokens=7, output_tokens=5, cached_tokens=3)
    assert relay.events == 3


def test_usage_chunk_when_asked_for_then_relayed_and_noted() -> None:
    stream = stream_of(chunk("a"), chunk(None, "stop"), chunk(choices=[], usage=USAGE)) + DONE
    out, relay = relayed(stream, include_usage=True)
    assert out == stream.replace(b'"upstream"', SHOWN)
    assert relay.usage == Usage(input_tokens=7, output_tokens=5, cached_tokens=3)


@pytest.mark.parametrize("include_usage", [False, True])
def test_usage_when_it_comes_on_a_chunk_with_choices_then_only_the_field_is_dropped(include_usage: bool) -> None:
    values = [chunk("a"), chunk("b", usage={"prompt_tokens": 1}), chunk(None, "stop", usage=USAGE)]
    out, relay = relayed(stream_of(*values) + DONE, include_usage=include_usage)
    assert told(out) == expected_of(values, include_usage=include_usage)
    assert relay.usage == Usage(input_tokens=7, output_tokens=5, cached_tokens=3)


def test_usage_when_null_then_the_chunk_is_relayed_as_it_came() -> None:
    stream = stream_of(chunk("a", usage=None), chunk("b", usage=None), chunk(choices=[], usage=None)) + DONE
    out, relay = relayed(stream)
    assert out == stream.replace(b'"upstream"', SHOWN)
    assert relay.usage is None


def test_usage_when_one_choice_has_none_then_that_of_the_chunk_is_still_seen() -> None:
    value = chunk("a", usage=USAGE)
    value["choices"][0]["usage"] = None
    out, relay = relayed(stream_of(chunk("a"), value) + DONE)
    assert "usage" not in told(out)[1]
    assert relay.usage is not None


# The end


def test_end_when_finished_without_done_then_done_is_added() -> None:
    out, relay = relayed(stream_of(chunk("a"), chunk(None, "stop")))
    assert out.endswith(b"\n\n" + DONE)
    assert relay.done
    assert out.count(b"[DONE]") == 1


def test_end_when_one_of_two_choices_finished_then_done_is_added() -> None:
    both = chunk("a")
    both["choices"] = [{"index": 0, "delta": {}, "finish_reason": None}, {"index": 1, "delta": {}, "finish_reason": "stop"}]
    out, _ = relayed(stream_of(chunk("a"), both))
    assert out.endswith(DONE)


@pytest.mark.parametrize("tail", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]\r\n", b"data: [DONE] \r"])
def test_end_when_the_last_event_lacks_its_blank_line_then_taken_as_complete(tail: bytes) -> None:
    out, relay = relayed(stream_of(chunk("a")) + tail)
    assert told(out)[-1].strip() == "[DONE]"
    assert relay.done


def test_end_when_the_finish_chunk_lacks_its_blank_line_then_relayed_and_ended() -> None:
    values = [chunk("a"), chunk(None, "stop")]
    assert told(relayed(stream_of(*values).rstrip(b"\n"))[0]) == expected_of(values)


@pytest.mark.parametrize("tail", [b"data: [DO", b'data: {"model":"upstream","cho', b"da", b": pi", b"event: x\n", b"\n"])
def test_end_when_the_last_event_is_cut_after_the_finish_then_only_whole_events_are_sent(tail: bytes) -> None:
    values = [chunk("a"), chunk(None, "stop")]
    assert told(relayed(stream_of(*values) + tail)[0]) == expected_of(values)


@pytest.mark.parametrize("tail", [b"", b'data: {"model":"upstream","cho', b"data: [DO", b": ping\n\n"])
def test_end_when_nothing_was_finished_then_stream_truncated(tail: bytes) -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    relay.feed(stream_of(chunk("a"), chunk("b")) + tail)
    with pytest.raises(StreamTruncated):
        relay.end()
    assert relay.events == 2


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b": ping\n\nevent: ping\n\ndata:\n\n", id="pings"),
        pytest.param(b"<html><body>Welcome</body></html>", id="a page"),
        pytest.param(stream_of(chunk(choices=[]), chunk(choices=[]), {"model": "upstream"}), id="chunks without choices"),
        pytest.param(b'data: {"model":"upstr', id="half an event"),
    ],
)
def test_end_when_no_event_came_then_empty_stream(stream: bytes) -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    relay.feed(stream)
    assert not relay.started
    with pytest.raises(EmptyStream):
        relay.end()


def test_done_when_it_came_then_nothing_after_it_is_relayed() -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    assert len(relay.feed(stream_of(chunk("a")))) == 1
    assert relay.feed(DONE + frame(chunk("b"))) == [DONE]
    assert relay.feed(frame(chunk("c")) + DONE) == []
    assert relay.done


# Errors in the stream


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "busy", "type": "overloaded_error"}, Overloaded),
        ({"message": "slow down", "code": 429}, RateLimited),
        ({"message": "no", "type": "invalid_request_error"}, CallerError),
        ("plain text", ProviderError),
    ],
)
@pytest.mark.parametrize("spaced", [False, True], ids=["compact", "spaced"])
def test_error_when_it_comes_first_then_kept_and_nothing_relayed(error: Any, kind: type[ProviderError], spaced: bool) -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    assert relay.feed(stream_of({"error": error}, chunk("a"), spaced=spaced)) == []
    assert isinstance(relay.error, kind)
    assert not relay.started
    with pytest.raises(kind):
        relay.end()


def test_error_when_it_comes_between_chunks_then_what_was_before_is_relayed_and_nothing_after() -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    error = {**chunk("x"), "error": {"message": "sk-abcdefghijklmnop broke", "type": "server_error"}}
    out = relay.feed(stream_of(chunk("a"), chunk("b"), error, chunk("c")) + DONE)
    assert [event["choices"][0]["delta"]["content"] for event in told(b"".join(out))] == ["a", "b"]
    assert relay.error is not None
    assert relay.error.public_message == "The provider answered with a server error. *** broke"
    assert relay.feed(frame(chunk("d"))) == []


def test_error_when_it_comes_at_the_end_without_its_blank_line_then_raised() -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    relay.feed(stream_of(chunk("a")) + b'data: {"error":{"type":"overloaded_error"}}')
    with pytest.raises(Overloaded):
        relay.end()


@pytest.mark.parametrize("error", [b'"\xff"', b"1e999", b'{"message":"\xff"}', b"[1]"], ids=["text", "number", "object", "array"])
def test_error_when_it_cannot_be_read_then_still_an_error(error: bytes) -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    assert relay.feed(b'data: {"error":' + error + b"}\n\n") == []
    assert relay.error is not None


# What is not understood


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {broken\n\n",
        b'data: {"choices":[{"delta":{}}\n\n',
        b'data: {"\xff":1,"model":"upstream"}\n\n',
        b"data: \0\n\n",
        b"data: [1,2]\n\n",
        b'data: "model"\r\n\r\n',
    ],
)
def test_bad_json_when_it_comes_after_the_first_event_then_forwarded_verbatim(bad: bytes) -> None:
    for place in (1, 2):
        values = [frame(chunk("a")), frame(chunk("b"))]
        values.insert(place, bad)
        out, _ = relayed(b"".join(values) + DONE)
        assert bad in out
        assert out.replace(bad, b"") == stream_of(chunk("a"), chunk("b")).replace(b'"upstream"', SHOWN) + DONE


def test_bad_json_when_it_comes_first_then_the_stream_has_failed() -> None:
    relay = ChatStreamRelay("m", include_usage=False)
    assert relay.feed(b"data: {broken\n\n" + frame(chunk("a"))) == []
    assert isinstance(relay.error, InvalidResponse)


def test_invalid_utf8_when_in_a_chunk_then_forwarded_as_it_came() -> None:
    line = b'data: {"model":"upstream","choices":[{"delta":{"content":"\xff\xed\xa0\x80"}}]}\n\n'
    assert relayed(line * 2 + DONE)[0] == line.replace(b'"upstream"', SHOWN) * 2 + DONE


def test_endless_event_when_fed_then_refused() -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    with pytest.raises(InvalidResponse):
        [relay.feed(b"data: " + b"x" * 65536) for _ in range(1025)]


def test_comments_when_they_come_then_relayed_but_no_events() -> None:
    relay = ChatStreamRelay(PUBLIC, include_usage=False)
    assert relay.feed(b": ping\n\n:\n: pong\r\n\r\n") == [b": ping\n\n", b":\n: pong\r\n\r\n"]
    assert relay.events == 0
