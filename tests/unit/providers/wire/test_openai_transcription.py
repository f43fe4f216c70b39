"""Are text, subtitles and events made of a transcript as their formats ask?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.errors import InvalidResponse, ProviderError, UpstreamFailed
from providers.wire.openai_transcription import events_of, text_of

SEGMENTS = [
    {"id": 0, "start": 0.0, "end": 4.5, "text": " Hello, Österreich.", "tokens": [1, 2]},
    {"id": 1, "start": 4.5, "end": 3661.0015, "text": "Tea & <b>cake</b>\n\n\n --> home", "speaker": "A"},
    {"id": 2, "start": 3661.1, "end": 3661.2, "text": "  "},
    {"id": 3, "start": 360000, "end": 12, "text": "Late"},
]
WHOLE = {"text": "Hello", "duration": 2.5}
SRT = """\
1
00:00:00,000 --> 00:00:04,500
Hello, Österreich.

2
00:00:04,500 --> 01:01:01,002
Tea & <b>cake</b>
-> home

3
100:00:00,000 --> 100:00:00,000
Late

"""
VTT = """\
WEBVTT

00:00:00.000 --> 00:00:04.500
Hello, Österreich.

00:00:04.500 --> 01:01:01.002
Tea &amp; &lt;b>cake&lt;/b>
-> home

100:00:00.000 --> 100:00:00.000
Late

"""


def made(value: Any, asked: str) -> str:
    return text_of(json.dumps(value).encode(), asked)[0].decode()


@pytest.mark.parametrize(("asked", "expected"), [("srt", SRT), ("vtt", VTT), ("text", "all\n")])
def test_text_when_made_of_segments_keeps_its_format(asked: str, expected: str) -> None:
    assert made({"text": "all", "segments": SEGMENTS}, asked) == expected


@pytest.mark.parametrize(
    ("value", "asked", "expected"),
    [
        (WHOLE, "srt", "1\n00:00:00,000 --> 00:00:02,500\nHello\n\n"),
        ({"text": "Hello", "duration": "2.5"}, "vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nHello\n\n"),
        ({"text": "", "segments": []}, "srt", ""),
        ({"text": "all", "segments": [], "duration": 2}, "srt", "1\n00:00:00,000 --> 00:00:02,000\nall\n\n"),
        ({"text": " "}, "srt", ""),
        ({"text": "", "segments": []}, "vtt", "WEBVTT\n\n"),
        ("1\n00:00:00,000 --> 00:00:01,000\nhi\n\n", "srt", "1\n00:00:00,000 --> 00:00:01,000\nhi\n\n"),
        ("a text in JSON\n", "text", "a text in JSON\n"),
        ({"text": "t", "segments": [{"start": -1, "end": 1e300, "text": "x"}]}, "srt", "1\n00:00:00,000 --> 00:00:00,000\nx\n\n"),
    ],
    ids=[
        "duration",
        "duration in a string",
        "no segments",
        "silence",
        "segments left out",
        "empty vtt",
        "string",
        "text in a string",
        "odd times",
    ],
)
def test_text_when_the_answer_has_less_is_made_all_the_same(value: Any, asked: str, expected: str) -> None:
    assert made(value, asked) == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{"text":"no times"}',
        b'{"text":"x","segments":[{"start":"soon","end":1,"text":"x"}]}',
        b'{"text":"x","segments":{}}',
        b'{"text":7,"segments":[]}',
        b'{"no":"text"}',
        b"[]",
        b"null",
        b'"cut',
        b'"lone \\ud800"',
        b'{"text":"lone \\ud800","duration":1}',
        b"",
        b"\xff",
    ],
)
def test_subtitles_when_the_answer_cannot_be_read_are_an_invalid_response(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        text_of(body, "srt")


def test_text_when_the_answer_is_an_error_is_that_error() -> None:
    with pytest.raises(ProviderError) as raised:
        text_of(b'{"error":{"message":"broken","type":"server_error","code":null}}', "text")
    assert isinstance(raised.value, UpstreamFailed)


def events(body: bytes, *, json_answer: bool) -> list[Any]:
    frames = events_of(body, json=json_answer).split(b"\n\n")
    assert frames.pop() == b""
    return [json.loads(frame.removeprefix(b"data: ")) for frame in frames]


def test_events_when_made_of_an_answer_are_a_delta_and_the_end_with_what_it_used() -> None:
    usage = {"type": "tokens", "input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    body = json.dumps({"text": "Grüß\nGott", "usage": usage, "logprobs": [], "unknown": 1}).encode()
    assert events(body, json_answer=True) == [
        {"type": "transcript.text.delta", "delta": "Grüß\nGott"},
        {"type": "transcript.text.done", "text": "Grüß\nGott", "usage": usage, "logprobs": []},
    ]


def test_events_when_made_of_plain_text_hold_it() -> None:
    assert [event.get("text", event.get("delta")) for event in events(b"hi\n", json_answer=False)] == ["hi", "hi"]
