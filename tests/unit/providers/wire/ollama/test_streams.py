"""Is a stream of lines relayed as it came, wherever the network cuts it, and never ended as if it were whole unless it is?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.bytes.ndjson import NDJSON
from providers.errors import EmptyStream, Failure, InvalidResponse, ProviderError, StreamTruncated, UpstreamFailed
from providers.types import Usage
from providers.wire.ollama.lines_to_answer import as_whole
from providers.wire.ollama.relay import OllamaRelay
from providers.wire.ollama.times import nanoseconds, seconds_of, stamp


def line(text: str = "", model: str = "up", **more: Any) -> bytes:
    value = {"model": model, "created_at": "x", "message": {"role": "assistant", "content": text}, "done": False, **more}
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


END = line(done=True, done_reason="stop", prompt_eval_count=3, eval_count=2)
TEXTS = ("Hello", ' "model":"up",é😀', '{"model":"up","done":false}', '"error"')
STREAM = b"".join([*map(line, TEXTS), END])


def relayed(chunks: list[bytes], model: str = "public") -> tuple[bytes, OllamaRelay]:
    relay = OllamaRelay(model)
    out = [frame for chunk in chunks for frame in relay.feed(chunk)]
    return b"".join([*out, *relay.end()]), relay


@pytest.mark.parametrize("model", ["public", "up", 'a "quoted" é'])
def test_stream_when_cut_at_any_place_then_only_the_models_name_is_another(model: str) -> None:
    expected = [{**json.loads(one), "model": model} for one in STREAM.splitlines()]
    for place in range(len(STREAM)):
        out, relay = relayed([STREAM[:place], STREAM[place:]], model)
        assert [json.loads(one) for one in out.splitlines()] == expected
        assert (relay.done, relay.usage, relay.events) == (True, Usage(3, 2), len(TEXTS) + 1)


def test_stream_when_its_lines_are_spelled_otherwise_then_the_same() -> None:
    odd = (
        b'\xef\xbb\xbf{"created_at":"x","model":"up","message":{"content":"a"},"done":false}\r\n\r\n \n'
        b'{ "message": {"content": "b", "model": "inner"}, "done": false, "x": [1.50] }\n'
        b'{"model":"up","done":true}'
    )
    out, relay = relayed([odd])
    first, second, last = (json.loads(one) for one in out.decode("utf-8-sig").splitlines())
    assert (first["model"], second["model"], last) == ("public", "public", {"model": "public", "done": True})
    assert second["message"]["model"] == "inner"
    assert b"[1.50]" in out
    assert relay.usage is None


def test_stream_when_nothing_follows_its_last_line_then_what_does_is_not_relayed() -> None:
    out, relay = relayed([STREAM + line("TOO LATE")])
    assert b"TOO LATE" not in out
    assert relay.done


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (b"", EmptyStream),
        (b"\n\n", EmptyStream),
        (line("a"), StreamTruncated),
        (line("a") + END[:20], StreamTruncated),
        (line("a")[:-20], EmptyStream),
        (b"<html>\n", InvalidResponse),
        (line("a") + b"{broken\n", InvalidResponse),
        (line("a") + b"[1]\n", InvalidResponse),
        (b'{"error":"the model has crashed"}\n', UpstreamFailed),
        (b'{"error":"the model has crashed"}', UpstreamFailed),
        (line("a") + b'{"error":"the model has crashed"}\n', UpstreamFailed),
        (line("a") + b'{"error":"the model has crashed"}', UpstreamFailed),
        (line("a", error="the model has crashed"), UpstreamFailed),
    ],
)
def test_stream_when_it_is_not_whole_then_an_error(stream: bytes, kind: type[ProviderError]) -> None:
    with pytest.raises(kind):
        raise _error(stream)


def _error(stream: bytes) -> Exception:
    """What the relay says is wrong: as it comes, or at the end."""
    relay = OllamaRelay("m")
    relay.feed(stream)
    if relay.error is not None:
        return relay.error
    try:
        relay.end()
    except ProviderError as error:
        return error
    return AssertionError("it ended")


def test_failure_when_the_stream_has_begun_then_a_line() -> None:
    (frame,) = OllamaRelay("m").broken(Failure(503, "c", "k", "It broke\nin two.", None, {}))
    assert json.loads(frame) == {"error": "It broke\nin two."}
    assert NDJSON.splitter().feed(frame) == [frame]


# Lines that nobody asked for


def test_lines_when_they_are_one_answer_then_it_is_as_if_whole() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    thought = line(message={"role": "assistant", "content": "", "thinking": "Hm"})
    more = line(message={"role": "assistant", "content": "b", "thinking": ".", "tool_calls": [call]}, logprobs=[{"token": "b"}])
    whole = json.loads(as_whole(thought + line("a", logprobs=[{"token": "a"}]) + more + END))
    assert whole["message"] == {"role": "assistant", "content": "ab", "thinking": "Hm.", "tool_calls": [call]}
    assert [one["token"] for one in whole["logprobs"]] == ["a", "b"]
    assert (whole["done"], whole["eval_count"], whole["model"]) == (True, 2, "up")


@pytest.mark.parametrize("body", [END, END[:-1], b'{\n "message": {\n "content": "a"\n}\n}\n', b"", b"<html>"])
def test_answer_when_it_is_one_then_as_it_came(body: bytes) -> None:
    assert as_whole(body) == body


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (line("a") + line("b"), StreamTruncated),
        (line("a") + line("b") + b"{broken", InvalidResponse),
        (line("a") + b'{"error":"the model has crashed"}\n' + line(), UpstreamFailed),
    ],
)
def test_lines_when_they_are_not_whole_then_an_error(body: bytes, kind: type[ProviderError]) -> None:
    with pytest.raises(kind):
        as_whole(body)


# Times


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1787338102.5, "2026-08-21T18:48:22.500000000Z"),
        (0.9999999, "1970-01-01T00:00:01.000000000Z"),
    ],
)
def test_time_when_told_then_with_nanoseconds_in_utc(seconds: float, text: str) -> None:
    assert stamp(seconds) == text
    assert seconds_of(text) == int(round(seconds * 1e6) // 10**6)


@pytest.mark.parametrize("text", [None, 1, "", "yesterday", "2026-13-01T00:00:00Z", "2026-08-21", "9" * 1000])
def test_time_when_it_is_none_then_none(text: Any) -> None:
    assert seconds_of(text) is None


def test_time_when_elsewhere_then_the_same_second() -> None:
    assert seconds_of("2023-08-04T19:22:45.499127-07:00") == seconds_of("2023-08-05T02:22:45Z")


def test_duration_when_told_then_never_nothing() -> None:
    assert (nanoseconds(0), nanoseconds(1.5)) == (1, 1_500_000_000)
