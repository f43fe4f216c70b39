"""Do the endpoints beside chat go the same way: the client's bytes to the upstream, and its answer back?"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.integration.test_recording import rows
from tests.live import LiveGateway, error_of
from tests.live import events as events_in

NUMBERS = [0.5, -0.25, 1.0]
PACKED = base64.b64encode(struct.pack("<3f", *NUMBERS)).decode()
USAGE = {"prompt_tokens": 3, "total_tokens": 3}
SOUND = bytes(range(256)) * 40


def embeddings(value: Any) -> dict[str, Any]:
    data = [{"object": "embedding", "index": 0, "embedding": value, "extra": 1}]
    return {"object": "list", "model": "up", "data": data, "usage": USAGE, "unknown": [1]}


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        models = {f"e/{name}": (f"up-{name}", [name]) for name in ("embedding", "text_to_speech")}
        shared_gateway.define_at("openai_compatible", f"{upstream.base}/v1", models, name="vendor")
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("given", [NUMBERS, PACKED], ids=["floats", "base64"])
@pytest.mark.parametrize(("asked", "expected"), [("float", NUMBERS), ("base64", PACKED), (None, NUMBERS)])
def test_embedding_when_asked_for_in_a_format_comes_in_it_whatever_the_upstream_gave(
    given: Any, asked: str | None, expected: Any, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/embeddings"] = lambda seen: said(embeddings(given))
    body = {"model": "e/embedding", "input": "é", "dimensions": 3, "unknown": 1} | ({"encoding_format": asked} if asked else {})
    answer = gateway.http.post("/v1/embeddings", json=body)
    assert answer.json() == embeddings(expected) | {"model": "e/embedding"}
    assert upstream.last.json == body | {"model": "up-embedding"}


def test_embedding_when_asked_for_by_the_sdk_is_the_numbers(client: OpenAI, upstream: Vendor) -> None:
    upstream.answers["/v1/embeddings"] = lambda seen: said(embeddings(NUMBERS))
    assert client.embeddings.create(model="e/embedding", input=["a"]).data[0].embedding == NUMBERS


@pytest.mark.parametrize(
    "refusal",
    [
        {"message": "Unknown field", "type": "invalid_request_error", "param": "encoding_format", "code": None},
        {"message": "encoding_format: extra inputs are not permitted"},
    ],
)
def test_embedding_when_the_upstream_refuses_the_format_is_asked_for_without_it(
    refusal: dict[str, Any], client: OpenAI, gateway: LiveGateway, upstream: Vendor
) -> None:
    def answer(seen: Seen) -> Said:
        return said({"error": refusal}, 400) if "encoding_format" in seen.json else said(embeddings(NUMBERS))

    models = {"e/floats": ("floats", ["embedding"])}
    gateway.define_at("openai_compatible", f"{upstream.base}/floats/v1", models, name=f"floats {refusal['message'][:7]}")
    upstream.answers["/floats/v1/embeddings"] = answer
    upstream.seen.clear()
    for _ in range(2):
        found: Any = client.embeddings.create(model="e/floats", input="a", encoding_format="base64").data[0].embedding
        assert found == PACKED
    assert ["encoding_format" in seen.json for seen in upstream.seen] == [True, False, False]
    row = rows(gateway, client.embeddings.with_raw_response.create(model="e/floats", input="a").headers["x-request-id"])[0]
    assert (row["status"], row["tries"]) == (200, 1)


def test_embedding_when_the_upstream_refuses_something_else_is_refused(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/embeddings"] = lambda seen: said({"error": {"message": "no such thing", "param": "input"}}, 400)
    upstream.seen.clear()
    body = {"model": "e/embedding", "input": "a", "encoding_format": "float"}
    assert error_of(gateway.http.post("/v1/embeddings", json=body))["message"] == "no such thing"
    assert len(upstream.seen) == 1


def test_speech_when_openrouter_is_asked_for_no_format_is_asked_for_as_mp3(gateway: LiveGateway, upstream: Vendor) -> None:
    models = {"e/router": ("openai/tts", ["text_to_speech"])}
    gateway.define_at("openrouter", f"{upstream.base}/router/v1", models)
    upstream.answers["/router/v1/audio/speech"] = lambda seen: Said(content_type="audio/mpeg", chunks=[SOUND])
    body = {"model": "e/router", "voice": "alloy", "input": "hi"}
    for more, asked in (({}, "mp3"), ({"response_format": None}, "mp3"), ({"response_format": "pcm"}, "pcm")):
        assert gateway.http.post("/v1/audio/speech", json=body | more).content == SOUND
        assert upstream.last.json == body | {"model": "openai/tts", "response_format": asked}


@pytest.mark.parametrize("content_type", ["audio/mpeg", "application/octet-stream"])
def test_speech_when_streamed_is_the_upstreams_bytes(client: OpenAI, content_type: str, upstream: Vendor) -> None:
    chunks = [SOUND[at : at + 1000] for at in range(0, len(SOUND), 1000)]
    upstream.answers["/v1/audio/speech"] = lambda seen: Said(content_type=content_type, chunks=chunks, pause=0.001)
    with client.audio.speech.with_streaming_response.create(model="e/text_to_speech", voice="alloy", input="hi") as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        assert b"".join(answer.iter_bytes()) == SOUND


def test_speech_when_the_upstream_breaks_breaks_too(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/audio/speech"] = lambda seen: Said(content_type="audio/mpeg", chunks=[SOUND], cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        gateway.http.post("/v1/audio/speech", json={"model": "e/text_to_speech", "voice": "alloy", "input": "hi"})


def test_speech_when_asked_for_as_events_is_events(gateway: LiveGateway, upstream: Vendor) -> None:
    deltas = [{"type": "speech.audio.delta", "audio": "AAAA"}] * 2
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}
    upstream.answers["/v1/audio/speech"] = lambda seen: events(*deltas, done)
    body = {"model": "e/text_to_speech", "voice": "alloy", "input": "hi", "stream_format": "sse"}
    answer = gateway.http.post("/v1/audio/speech", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == b"".join(events(*deltas, done).chunks or ())


def test_speech_when_asked_for_as_events_is_events_also_of_an_upstream_that_sends_sound(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers["/v1/audio/speech"] = lambda seen: Said(content_type="audio/mpeg", chunks=[SOUND, b"more"], pause=0.05)
    body = {"model": "e/text_to_speech", "voice": "alloy", "input": "hi", "stream_format": "sse"}
    *deltas, done = events_in(gateway.http.post("/v1/audio/speech", json=body))
    assert b"".join(base64.b64decode(delta["audio"]) for delta in deltas) == SOUND + b"more"
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert done["type"] == "speech.audio.done"


@pytest.mark.parametrize(("cut", "code"), [(False, "upstream_empty_stream"), (True, "upstream_stream_truncated")])
def test_speech_when_no_sound_comes_is_no_event(gateway: LiveGateway, upstream: Vendor, cut: bool, code: str) -> None:
    upstream.answers["/v1/audio/speech"] = lambda seen: Said(content_type="audio/mpeg", chunks=[], cut=cut)
    body = {"model": "e/text_to_speech", "voice": "alloy", "input": "hi", "stream_format": "sse"}
    answer = gateway.http.post("/v1/audio/speech", json=body)
    assert (answer.status_code, error_of(answer)["code"]) == (502, code)


def test_speech_when_its_input_is_too_long_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    asked = len(upstream.seen)
    body = {"model": "e/text_to_speech", "voice": "alloy", "input": "é" * 4097}
    assert error_of(gateway.http.post("/v1/audio/speech", json=body))["param"] == "input"
    assert len(upstream.seen) == asked
