"""Is what the gateway adds by itself, and an upstream refuses, left out in a second try, and from then on?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.chaos.process import eventually
from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.live import ROWS_WITHIN, LiveGateway, words

CHAT, TEXT, TRANSCRIPTS, SPEECH = "/v1/chat/completions", "/v1/completions", "/v1/audio/transcriptions", "/v1/audio/speech"
CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up"}
STREAM = events(
    {**CHUNK, "choices": [{"index": 0, "delta": {"content": "Hi"}, "text": "Hi", "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "text": "", "finish_reason": "stop"}]},
    done=True,
)
REFUSALS: list[tuple[int, Any]] = [
    (400, {"error": {"message": "Unrecognized request argument supplied: NAME", "type": "invalid_request_error", "code": None}}),
    (
        400,
        {
            "error": {
                "message": "Unknown parameter.",
                "type": "invalid_request_error",
                "param": "NAME",
                "code": "unknown_parameter",
            }
        },
    ),
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "NAME"], "msg": "Extra inputs are not permitted"}]}),
    (400, {"detail": "Extra parameters ['NAME'] are not allowed when extra-parameters is not set."}),
    (422, {"object": "error", "message": "[{'loc': ('body', 'NAME'), 'msg': 'extra fields not permitted'}]", "code": 422}),
]
SEGMENTS = [{"start": 0.0, "end": 1.5, "text": " Hello"}, {"start": 1.5, "end": 2.0, "text": " there"}]
WORDS = {"text": "Hello there", "duration": 2.0, "segments": SEGMENTS}
SRT = "1\n00:00:00,000 --> 00:00:01,500\nHello\n\n2\n00:00:01,500 --> 00:00:02,000\nthere\n\n"
FLAC = b"fLaC" + bytes(60)


def refusing(name: str, refusal: int, good: Said) -> Any:
    """An upstream that refuses a field of a JSON request."""
    status, form = REFUSALS[refusal]

    def answer(seen: Seen) -> Said:
        if name not in seen.json:
            return good
        refused = said(form, status)
        refused.body = refused.body.replace(b"NAME", name.encode())
        return refused

    return answer


@pytest.mark.parametrize("refusal", range(len(REFUSALS)))
def test_stream_options_when_refused_in_any_wording_are_left_out_and_remembered(gateway: LiveGateway, refusal: int) -> None:
    name = f"refusing-{refusal}"
    with vendor({CHAT: refusing("stream_options", refusal, STREAM)}) as upstream:
        gateway.define_at("openai_compatible", f"{upstream.base}/v1", {name: ("m", ["chat"])}, name=name)
        for _ in range(2):
            response = gateway.chat(name, stream=True)
            assert (response.status_code, words(response), response.headers["x-gateway-attempts"]) == (200, "Hi", "1")
        assert ["stream_options" in seen.json for seen in upstream.seen] == [True, False, False]
        gateway.define("ok")  # the catalog is made anew
        again = gateway.chat(name, stream=True)
        assert "stream_options" not in upstream.last.json
    found = {"request_id": again.headers["x-request-id"], "estimated": True, "output_tokens": 2}
    assert eventually(lambda: bool(gateway.operator.rows("openai_api.UsageRecord", found)), ROWS_WITHIN)


def test_stream_options_when_the_clients_own_are_its_own_refusal(gateway: LiveGateway) -> None:
    with vendor({CHAT: refusing("stream_options", 0, STREAM)}) as upstream:
        gateway.define_at("openai_compatible", f"{upstream.base}/v1", {"own/m": ("m", ["chat"])}, name="own")
        for _ in range(2):
            response = gateway.chat("own/m", stream=True, stream_options={"include_usage": True})
            assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")
        assert len(upstream.seen) == 2


@pytest.mark.parametrize("kind", ["openai_compatible", "azure_openai"])
def test_stream_options_of_completions_and_azure_when_refused_are_left_out(gateway: LiveGateway, kind: str) -> None:
    refuses = refusing("stream_options", 0, STREAM)
    paths = {f"{root}{path}": refuses for path in (CHAT, TEXT) for root in ("", "/openai")}
    with vendor(paths) as upstream:
        base = f"{upstream.base}/openai/v1" if kind == "azure_openai" else f"{upstream.base}/v1"
        gateway.define_at(kind, base, {f"both/{kind}": ("m", ["chat", "completion"])}, name=f"both-{kind}")
        assert words(gateway.chat(f"both/{kind}", stream=True)) == "Hi"
        response = gateway.http.post("/v1/completions", json={"model": f"both/{kind}", "prompt": "a", "stream": True})
        assert response.status_code == 200, response.text
        assert ["stream_options" in seen.json for seen in upstream.seen] == [True, False, True, False]


def test_stream_options_when_a_response_is_made_of_chat_are_left_out(gateway: LiveGateway) -> None:
    with vendor({CHAT: refusing("stream_options", 2, STREAM)}) as upstream:
        gateway.define_at("deepseek", f"{upstream.base}/v1", {"made/m": ("m", ["chat", "responses"])}, name="made")
        response = gateway.http.post("/v1/responses", json={"model": "made/m", "input": "a", "stream": True})
        assert "response.completed" in response.text
        assert len(upstream.seen) == 2


def test_store_when_chat_is_made_of_a_response_and_it_is_refused_is_left_out(gateway: LiveGateway) -> None:
    text = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}
    good = said({"id": "resp_1", "object": "response", "status": "completed", "output": [text]})
    with vendor({"/v1/responses": refusing("store", 1, good)}) as upstream:
        gateway.define_at("openai_responses", f"{upstream.base}/v1", {"stored/m": ("m", ["chat"])}, name="stored")
        for _ in range(2):
            assert gateway.chat("stored/m").json()["choices"][0]["message"]["content"] == "Hi"
        assert ["store" in seen.json for seen in upstream.seen] == [True, False, False]
        assert gateway.chat("stored/m", store=False).status_code == 400  # it is the client's


def test_refusal_when_it_names_another_field_is_the_clients(gateway: LiveGateway) -> None:
    with vendor({CHAT: refusing("temperature", 0, STREAM)}) as upstream:
        gateway.define_at("openai_compatible", f"{upstream.base}/v1", {"other/m": ("m", ["chat"])}, name="other")
        assert gateway.chat("other/m", stream=True, temperature=9).status_code == 400
        assert len(upstream.seen) == 1


def heard(*formats: str) -> Any:
    """An upstream that transcribes in these formats alone."""

    def answer(seen: Seen) -> Said:
        asked = seen.form.text("response_format")
        if asked is not None and asked not in formats:
            return said({"error": {"message": f"response_format '{asked}' is not compatible with this model."}}, 400)
        return Said(b"Hello there\n", content_type="text/plain") if asked == "text" else said(WORDS)

    return answer


@pytest.fixture
def listening(gateway: LiveGateway, request: pytest.FixtureRequest) -> Iterator[tuple[Vendor, str]]:
    with vendor({TRANSCRIPTS: heard(*request.param)}) as upstream:
        name = f"listen-{'-'.join(request.param) or 'none'}"
        gateway.define_at("openai", f"{upstream.base}/v1", {name: ("m", ["audio_transcription"])}, name=name)
        yield upstream, name


def transcribed(gateway: LiveGateway, model: str, asked: str) -> Any:
    form = {"model": model, "response_format": asked}
    return gateway.http.post(TRANSCRIPTS, data=form, files={"file": ("a.flac", FLAC)})


@pytest.mark.parametrize("listening", [("json", "verbose_json")], indirect=True)
def test_subtitles_when_refused_are_made_of_segments_from_then_on(gateway: LiveGateway, listening: tuple[Vendor, str]) -> None:
    upstream, name = listening
    for _ in range(2):
        response = transcribed(gateway, name, "srt")
        assert (response.status_code, response.text) == (200, SRT)
    assert [seen.form.text("response_format") for seen in upstream.seen] == ["srt", "verbose_json", "verbose_json"]
    assert transcribed(gateway, name, "vtt").text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello\n")
    assert transcribed(gateway, name, "text").text == "Hello there\n"


@pytest.mark.parametrize("listening", [()], indirect=True)
def test_format_when_the_field_itself_is_refused_is_left_out(gateway: LiveGateway, listening: tuple[Vendor, str]) -> None:
    upstream, name = listening
    for asked in ("text", "text", "json"):
        assert transcribed(gateway, name, asked).status_code == 200
    assert [seen.form.text("response_format") for seen in upstream.seen] == ["text", "json", None, None, None]


@pytest.mark.parametrize("listening", [("json",)], indirect=True)
def test_subtitles_when_they_cannot_be_made_either_are_400(gateway: LiveGateway, listening: tuple[Vendor, str]) -> None:
    _, name = listening
    response = transcribed(gateway, name, "srt")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "response_format")
    assert transcribed(gateway, name, "verbose_json").status_code == 400


def test_format_of_speech_when_the_gateways_own_is_refused_is_left_out(gateway: LiveGateway) -> None:
    sound = Said(content_type="audio/pcm", chunks=[b"\0\1"] * 3)
    with vendor({SPEECH: refusing("response_format", 0, sound)}) as upstream:
        gateway.define_at("openrouter", f"{upstream.base}/v1", {"speak/m": ("m", ["text_to_speech"])}, name="speak")
        response = gateway.http.post(SPEECH, json={"model": "speak/m", "input": "a", "voice": "alloy"})
        assert (response.status_code, response.headers["content-type"]) == (200, "audio/pcm")
        asked = {"model": "speak/m", "input": "a", "voice": "alloy", "response_format": "mp3"}
        assert gateway.http.post(SPEECH, json=asked).status_code == 400
        assert ["response_format" in seen.json for seen in upstream.seen] == [True, False, True]
