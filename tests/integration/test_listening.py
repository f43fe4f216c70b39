"""Is what is said in a file told as it was asked for, whatever the upstream can, and is a bad form refused with its reason?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent, TranscriptionVerbose

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Answer, Said, Vendor, events, said, vendor
from tests.live import LiveGateway, error_of
from tests.live import events as events_in

SOUND = b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(range(256)) * 8
FILE = ("speech.mp3", SOUND, "audio/mpeg")
LISTEN, TRANSLATE = "/v1/audio/transcriptions", "/v1/audio/translations"
ABLE = ["audio_transcription", "audio_translation"]
USAGE = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
SEGMENTS = [{"id": 0, "start": 0.0, "end": 1.5, "text": " Grüß Gott."}, {"id": 1, "start": 1.5, "end": 2.0, "text": " <Ende>"}]
HEARD_TEXT = "Grüß Gott. <Ende>"
VERBOSE: dict[str, Any] = {
    "task": "transcribe",
    "language": "de",
    "duration": 2.0,
    "text": HEARD_TEXT,
    "segments": SEGMENTS,
    "usage": USAGE,
}
MADE = {
    "text": "Grüß Gott. <Ende>\n",
    "srt": "1\n00:00:00,000 --> 00:00:01,500\nGrüß Gott.\n\n2\n00:00:01,500 --> 00:00:02,000\n<Ende>\n\n",
    "vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nGrüß Gott.\n\n00:00:01.500 --> 00:00:02.000\n&lt;Ende>\n\n",
}
HEARD: list[dict[str, Any]] = [
    {"type": "transcript.text.delta", "delta": "Grüß", "logprobs": [], "unknown": 1},
    {"type": "transcript.text.delta", "delta": " Gott"},
    {"type": "transcript.text.done", "text": "Grüß Gott", "usage": USAGE},
]


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    """Serves `listen/TYPE`, each type of provider that differs here, at `/TYPE`."""
    with vendor({}) as upstream:
        for kind in ("openai", "vllm", "azure_openai"):
            path = "" if kind == "azure_openai" else "/v1"
            base = f"{upstream.base}/{kind}{path}"
            shared_gateway.define_at(kind, base, {f"listen/{kind}": ("up stream", ABLE)}, name=f"listen-{kind}")
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def answering(upstream: Vendor, kind: str, answer: Answer) -> None:
    """What that type says to either request from now on."""
    upstream.answers |= {f"/{kind}{LISTEN}": answer, f"/{kind}{TRANSLATE}": answer}


def fields_of(upstream: Vendor) -> list[tuple[str, str]]:
    """The last form's fields; of its files the names."""
    return [(part.name, part.text() if part.filename is None else part.filename) for part in upstream.last.form.parts]


# Formats


@pytest.mark.parametrize("asked", MADE)
@pytest.mark.parametrize("path", [LISTEN, TRANSLATE], ids=["transcription", "translation"])
def test_text_when_the_upstream_has_no_such_format_is_made_of_its_json(
    asked: str, path: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    answering(upstream, "vllm", lambda seen: said(VERBOSE))
    form = {"model": "listen/vllm", "response_format": asked, "timestamp_granularities[]": "word"}
    answer = gateway.http.post(path, data=form, files={"file": FILE})
    assert (answer.text, answer.headers["content-type"]) == (MADE[asked], "text/plain; charset=utf-8")
    kept = [("timestamp_granularities[]", "word")] if asked == "text" else []
    instead = "text" if asked == "text" else "verbose_json"
    assert fields_of(upstream) == [("model", "up stream"), ("response_format", instead), *kept, ("file", "speech.mp3")]


@pytest.mark.parametrize("asked", MADE)
def test_text_when_the_upstream_answers_with_json_all_the_same_is_made_of_it(
    asked: Any, client: OpenAI, gateway: LiveGateway, upstream: Vendor
) -> None:
    answering(upstream, "openai", lambda seen: said(VERBOSE))
    answer = client.audio.transcriptions.with_raw_response.create(model="listen/openai", file=FILE, response_format=asked)
    assert answer.parse() == MADE[asked]
    assert upstream.last.form.text("response_format") == asked
    identified = {"request_id": answer.headers["x-request-id"]}
    assert eventually(lambda: gateway.operator.rows("openai_api.UsageRecord", identified), 6, 0.1)
    (row,) = gateway.operator.rows("openai_api.UsageRecord", identified)
    assert (row["input_tokens"], row["output_tokens"]) == (14, 45)


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "text/vtt", "application/x-subrip", "application/octet-stream"])
def test_text_when_the_upstream_has_the_format_is_its_own(kind: str, gateway: LiveGateway, upstream: Vendor) -> None:
    own = "WEBVTT\n\n00:00.000 --> 00:01.000\né\n\n".encode()
    answering(upstream, "openai", lambda seen: Said(own, content_type=kind))
    form = {"model": "listen/openai", "response_format": "vtt"}
    answer = gateway.http.post(LISTEN, data=form, files={"file": FILE})
    assert (answer.content, answer.headers["content-type"]) == (own, "text/plain; charset=utf-8")


def test_json_when_answered_reaches_the_client_byte_for_byte(client: OpenAI, gateway: LiveGateway, upstream: Vendor) -> None:
    answering(upstream, "openai", lambda seen: said(VERBOSE | {"unknown": [1.50]}))
    form = {"model": "listen/openai", "response_format": "verbose_json"}
    answer = gateway.http.post(TRANSLATE, data=form, files={"file": FILE})
    assert answer.content == json.dumps(VERBOSE | {"unknown": [1.50]}).encode()
    typed = client.audio.transcriptions.create(model="listen/openai", file=FILE, response_format="verbose_json")
    assert isinstance(typed, TranscriptionVerbose)
    assert [segment.text for segment in typed.segments or ()] == [" Grüß Gott.", " <Ende>"]


@pytest.mark.parametrize(("asked", "stream"), [("srt", False), ("text", False), ("json", True), ("json", False)])
def test_answer_when_it_is_a_page_is_no_transcript(asked: str, stream: bool, gateway: LiveGateway, upstream: Vendor) -> None:
    answering(upstream, "openai", lambda seen: Said(b"<html>busy</html>", content_type="text/html"))
    form = {"model": "listen/openai", "response_format": asked, "stream": str(stream)}
    answer = gateway.http.post(LISTEN, data=form, files={"file": FILE})
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


def test_format_when_the_vendor_has_none_like_it_is_400_that_names_those_it_has(gateway: LiveGateway, upstream: Vendor) -> None:
    asked = len(upstream.seen)
    form = {"model": "listen/vllm", "response_format": "diarized_json"}
    answer = gateway.http.post(LISTEN, data=form, files={"file": FILE})
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_value", "response_format")
    assert "json, text, srt, verbose_json, vtt" in error["message"]
    assert len(upstream.seen) == asked


# Streams


def test_stream_when_the_upstream_sends_events_is_those_bytes(client: OpenAI, gateway: LiveGateway, upstream: Vendor) -> None:
    answering(upstream, "openai", lambda seen: events(*HEARD))
    answer = gateway.http.post(LISTEN, data={"model": "listen/openai", "stream": "true"}, files={"file": FILE})
    assert answer.content == b"".join(events(*HEARD).chunks or ())
    assert answer.headers["content-type"].startswith("text/event-stream")
    heard = list(client.audio.transcriptions.create(model="listen/openai", file=FILE, stream=True))
    assert [event.type for event in heard] == [event["type"] for event in HEARD]
    assert upstream.last.form.text("stream") == "true"


@pytest.mark.parametrize("whole", [said(VERBOSE), Said(b"Gr\xc3\xbc\xc3\x9f Gott. <Ende>\n", content_type="text/plain")])
def test_stream_when_the_upstream_knows_none_is_made_of_its_answer(whole: Said, client: OpenAI, upstream: Vendor) -> None:
    answering(upstream, "openai", lambda seen: whole)
    delta, done = client.audio.transcriptions.create(model="listen/openai", file=FILE, stream=True)
    assert isinstance(delta, TranscriptionTextDeltaEvent)
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert delta.delta == done.text == HEARD_TEXT


def test_stream_when_it_breaks_off_ends_with_an_error(gateway: LiveGateway, upstream: Vendor) -> None:
    answering(upstream, "openai", lambda seen: events(*HEARD[:2]))
    answer = gateway.http.post(LISTEN, data={"model": "listen/openai", "stream": "true"}, files={"file": FILE})
    *heard, error, done = events_in(answer)
    assert heard == HEARD[:2]
    assert error["error"]["code"] == "upstream_stream_truncated"
    assert done == "[DONE]"


# What goes upstream


def test_form_when_sent_on_keeps_order_brackets_repeats_and_unknown_fields(gateway: LiveGateway, upstream: Vendor) -> None:
    answering(upstream, "openai", lambda seen: said(VERBOSE))
    parts: list[tuple[str, Any]] = [
        ("include[]", (None, "logprobs")),
        ("keywords", (None, "one")),
        ("file", ("../../etc/Grüß.mp3", SOUND, "audio/x-own")),
        ("keywords", (None, "two")),
        ("known_speaker_names[]", (None, "A")),
        ("known_speaker_names[]", (None, "B")),
        ("tensorzero::tags", (None, "{}")),
        ("model", (None, "listen/openai")),
        ("unknown", (None, "é")),
    ]
    assert gateway.http.post(LISTEN, files=parts).status_code == 200
    sent = [(name, value[1]) for name, value in parts if name not in ("file", "tensorzero::tags")]
    expected = [("model", "up stream") if name == "model" else (name, value) for name, value in sent]
    assert fields_of(upstream) == [*expected[:2], ("file", "Grüß.mp3"), *expected[2:]]
    file = upstream.last.form.first("file")
    assert file is not None
    assert (file.content_type, file.data()) == ("audio/x-own", SOUND)


def test_form_when_the_path_names_the_model_has_none(gateway: LiveGateway, upstream: Vendor) -> None:
    deployed = "/azure_openai/openai/deployments/up%20stream/audio/transcriptions"
    upstream.answers[deployed] = lambda seen: said(VERBOSE)
    assert gateway.http.post(LISTEN, data={"model": "listen/azure_openai"}, files={"file": FILE}).status_code == 200
    assert upstream.last.path.partition("?")[0] == deployed
    assert fields_of(upstream) == [("file", "speech.mp3")]


CONTAINERS = {
    "aac": b"\xff\xf1\x50\x80\x02\x1f\xfc\x21\x00\x49\x90\x02",
    "amr": b"#!AMR\n\x3c\x91\x17\x16\xbe\x66\x79",
    "aiff": b"FORM\x00\x00\x08\x2eAIFFCOMM\x00\x00\x00\x12",
    "caf": b"caff\x00\x01\x00\x00desc\x00\x00\x00\x00\x00\x00\x00\x20",
    "mp4": b"\x00\x00\x02\x7emoov\x00\x00\x00\x6cmvhd\x00\x00\x00\x00",
    "wma": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa",
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("path", [LISTEN, TRANSLATE], ids=["transcription", "translation"])
def test_container_when_it_is_not_openais_is_the_upstreams_to_judge(
    path: str, name: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    data = CONTAINERS[name] * 20
    answering(upstream, "vllm", lambda seen: said({"text": "hi"}))
    asked = {"data": {"model": "listen/vllm"}, "files": {"file": (f"voice.{name}", data, f"audio/{name}")}}
    assert gateway.http.post(path, **asked).status_code == 200  # type: ignore[arg-type]
    part = upstream.last.form.first("file")
    assert part is not None
    assert (part.filename, part.head) == (f"voice.{name}", data)
    refusal = {"error": {"message": "Invalid file format.", "type": "invalid_request_error", "param": None, "code": None}}
    answering(upstream, "vllm", lambda seen: said(refusal, 400))
    answer = gateway.http.post(path, **asked)  # type: ignore[arg-type]
    assert (answer.status_code, error_of(answer)["message"]) == (400, "Invalid file format.")


WORDS = [("Grüße", "utf-16"), ("Grüße", "utf-8"), ("Grüße, wie es Latin-1 sagt", "latin-1")]


@pytest.mark.parametrize(
    "data",
    [
        b'{"error": "not found"}',
        b"<html><body>Not Found</body></html>",
        b"hello",
        *(text.encode(coding) for text, coding in WORDS),
    ],
)
def test_file_when_it_is_text_is_400_that_says_so(data: bytes, gateway: LiveGateway, upstream: Vendor) -> None:
    asked = len(upstream.seen)
    answer = gateway.http.post(LISTEN, data={"model": "listen/vllm"}, files={"file": ("a.wav", data, "audio/wav")})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "unsupported_file_type")
    assert "it is text" in error_of(answer)["message"]
    assert len(upstream.seen) == asked


# Bad forms

Bad = dict[str, Any]
BAD: dict[str, tuple[Bad, dict[str, Any], str, str | None]] = {
    "no file": ({}, {"other": FILE}, "missing_required_parameter", "file"),
    "no model": ({"model": None}, {"file": FILE}, "missing_required_parameter", "model"),
    "an empty model": ({"model": ""}, {"file": FILE}, "invalid_value", "model"),
    "a file for a model": ({"model": None}, {"file": FILE, "model": ("m", b"listen/openai")}, "invalid_type", "model"),
    "text for a file": ({"file": "text"}, {"other": FILE}, "invalid_type", "file"),
    "an empty file": ({}, {"file": ("a.mp3", b"")}, "invalid_value", "file"),
    "no sound": ({}, {"file": ("a.mp3", b"\x89PNG\r\n\x1a\n" + bytes(100))}, "unsupported_file_type", "file"),
    "a format that is none": ({"response_format": "xml"}, {"file": FILE}, "invalid_value", "response_format"),
    "an empty format": ({"response_format": ""}, {"file": FILE}, "invalid_value", "response_format"),
    "a granularity that is none": (
        {"timestamp_granularities[]": ["word", "letter"]},
        {"file": FILE},
        "invalid_value",
        "timestamp_granularities",
    ),
    "heat that is none": ({"temperature": "hot"}, {"file": FILE}, "invalid_type", "temperature"),
    "heat that is too much": ({"temperature": "1.01"}, {"file": FILE}, "invalid_value", "temperature"),
    "heat that is no number": ({"temperature": "nan"}, {"file": FILE}, "invalid_value", "temperature"),
    "a stream that is neither": ({"stream": "perhaps"}, {"file": FILE}, "invalid_type", "stream"),
    "two models": ({"model": ["listen/openai", "listen/vllm"]}, {"file": FILE}, "duplicate_key", "model"),
    "an address": ({"api_base": "http://evil.example"}, {"file": FILE}, "field_not_allowed", "api_base"),
    "credentials that are none": ({"tensorzero::credentials": "[1]"}, {"file": FILE}, "invalid_type", "tensorzero::credentials"),
}


@pytest.mark.parametrize(("fields", "files", "code", "param"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("path", [LISTEN, TRANSLATE], ids=["transcription", "translation"])
def test_form_when_a_field_is_bad_is_400_that_names_it_and_asks_nobody(
    path: str, fields: Bad, files: dict[str, Any], code: str, param: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    asked = len(upstream.seen)
    given: Bad = {"model": "listen/openai"} | fields
    form = {name: value for name, value in given.items() if value is not None}
    answer = gateway.http.post(path, data=form, files=files)
    error = error_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert len(upstream.seen) == asked


def test_translation_when_asked_by_speaker_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    form = {"model": "listen/openai", "response_format": "diarized_json"}
    answer = gateway.http.post(TRANSLATE, data=form, files={"file": FILE})
    assert (answer.status_code, error_of(answer)["param"]) == (400, "response_format")


@pytest.mark.parametrize("content_type", ["application/json", "audio/mpeg", "application/x-www-form-urlencoded"])
def test_body_when_it_is_no_form_is_400_that_says_what_to_send(content_type: str, gateway: LiveGateway) -> None:
    answer = gateway.http.post(LISTEN, content=b'{"model":"listen/openai"}', headers={"content-type": content_type})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_form")
    assert "multipart/form-data" in error_of(answer)["message"]


def test_text_field_when_it_is_longer_than_a_mebibyte_is_400_that_says_so(gateway: LiveGateway) -> None:
    answer = gateway.http.post(LISTEN, data={"model": "listen/openai", "prompt": "x" * (2**20 + 1)}, files={"file": FILE})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_form")
    assert "'prompt' exceeds 1 MiB" in error_of(answer)["message"]


def test_form_when_it_has_ten_thousand_parts_is_400(gateway: LiveGateway) -> None:
    answer = gateway.http.post(LISTEN, files=[("x", (None, "y"))] * 10_000)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "invalid_form")
