"""Is Google asked as it wants to be, with whatever key, at AI Studio and at Vertex AI, and are its answers understood?"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from struct import unpack
from typing import Any

import pytest
from openai import OpenAI

from tests.fakes.google import METADATA_PATH, GoogleTokens
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor
from tests.live import PROVIDER_KEY, LiveGateway, error_of

MODEL = "gemini-3.6-flash"
STUDIO = f"/v1beta/models/{MODEL}"
PLACE = "/v1beta1/projects/project-1/locations/europe-west4"
VERTEX = f"{PLACE}/publishers/google/models/{MODEL}"
ASKED = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "unknownField": [1.50]}
ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    "modelVersion": MODEL,
    "responseId": "r-1",
    "unknownField": 1.5,
}
ABLE = ["chat", "embedding", "image_generation"]
PNG = "iVBORw0KGgo="


def generate(model: str) -> str:
    return f"/v1beta/models/{model}:generateContent"


@pytest.fixture(scope="module")
def google() -> GoogleTokens:
    return GoogleTokens()


@pytest.fixture(scope="module")
def shared_upstream(shared_gateway: LiveGateway, google: GoogleTokens) -> Iterator[Vendor]:
    with vendor({"/token": google.exchange, METADATA_PATH: google.metadata}) as upstream:
        base = upstream.base
        studio = {
            "gem/flash": (MODEL, ABLE),
            "gem/tuned": ("tunedModels/own 1", ABLE),
            "gem/embed": ("gemini-embedding-001", ABLE),
            "gem/image": ("gemini-3.1-flash-image", ABLE),
        }
        shared_gateway.define_at("gemini", base, studio)
        place = {"project": "project-1", "location": "europe-west4"}
        file = google.file(f"{base}/token")
        vertex = {
            "vertex/flash": (MODEL, ABLE),
            "vertex/embed": ("text-embedding-005", ABLE),
            "vertex/gem": ("gemini-embedding-001", ABLE),
        }
        shared_gateway.define_at("vertex_ai", base, vertex, name="v-file", api_key=file, options=place)
        shared_gateway.define_at("vertex_ai", base, {"vertex/express": (MODEL, ABLE)}, name="v-express")
        here = {**place, "token_source": "metadata", "metadata_host": base.removeprefix("http://")}
        shared_gateway.define_at(
            "vertex_ai", base, {"vertex/machine": (MODEL, ABLE)}, name="v-machine", api_key=None, options=here
        )
        yield upstream


@pytest.fixture
def upstream(gateway: LiveGateway, shared_upstream: Vendor, google: GoogleTokens) -> Vendor:
    shared_upstream.seen.clear()
    google.failing = None
    return shared_upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def asked_of(upstream: Vendor) -> list[Seen]:
    """What was asked, but for tokens."""
    return [seen for seen in upstream.seen if seen.path != "/token" and not seen.path.startswith(METADATA_PATH)]


# Where, and with what


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gem/flash", STUDIO),
        ("gem/tuned", "/v1beta/tunedModels/own%201"),
        ("vertex/flash", VERTEX),
        ("vertex/express", f"/v1beta1/publishers/google/models/{MODEL}"),
        ("vertex/machine", VERTEX),
    ],
)
def test_call_when_sent_then_at_the_address_of_its_model_with_the_right_key(
    model: str, path: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[f"{path}:generateContent"] = lambda seen: said(ANSWER)
    answer = gateway.http.post(f"/v1beta/models/{model}:generateContent", json=ASKED)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**ANSWER, "modelVersion": model}
    (seen,) = asked_of(upstream)
    assert seen.path == f"{path}:generateContent"
    assert seen.json == ASKED
    key = {name: seen.headers[name] for name in ("authorization", "x-goog-api-key") if name in seen.headers}
    if model in ("vertex/flash", "vertex/machine"):
        assert list(key) == ["authorization"]
        assert key["authorization"].startswith("Bearer ya29.token-")
    else:
        assert key == {"x-goog-api-key": PROVIDER_KEY}


def test_token_when_many_ask_at_once_is_fetched_once(gateway: LiveGateway, upstream: Vendor, google: GoogleTokens) -> None:
    upstream.answers[f"{VERTEX}:generateContent"] = lambda seen: said(ANSWER)
    for _ in range(3):
        assert gateway.http.post("/v1beta/models/vertex/flash:generateContent", json=ASKED).status_code == 200
    assert len({seen.headers["authorization"] for seen in asked_of(upstream)}) == 1
    assert len(google.claims) == 1


def test_token_when_it_is_refused_then_502_that_says_so_and_shows_nothing(
    gateway: LiveGateway, upstream: Vendor, google: GoogleTokens
) -> None:
    other = google.file(f"{upstream.base}/token", private_key_id="key-2")
    place = {"project": "project-1", "location": "europe-west4"}
    gateway.define_at("vertex_ai", upstream.base, {"vertex/refused": (MODEL, ABLE)}, name="v-bad", api_key=other, options=place)
    google.failing = said({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
    answer = gateway.http.post("/v1beta/models/vertex/refused:generateContent", json=ASKED)
    assert answer.status_code == 502
    assert answer.json()["error"]["details"][0]["reason"] == "UPSTREAM_AUTH_FAILED"
    assert "BEGIN" not in answer.text
    assert asked_of(upstream) == []


# Embeddings


def embedded(*values: list[float], **more: Any) -> Said:
    return said({"embeddings": [{"values": value} for value in values], **more})


def test_embeddings_when_asked_of_studio_go_in_one_batch(client: OpenAI, upstream: Vendor) -> None:
    path = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    upstream.answers[path] = lambda seen: embedded([0.5, 1.5], [2.5, 3.5], usageMetadata={"promptTokenCount": 4})
    answer = client.embeddings.create(model="gem/embed", input=["a", "b"], dimensions=2, encoding_format="float")
    assert [item.embedding for item in answer.data] == [[0.5, 1.5], [2.5, 3.5]]
    assert (answer.model, answer.usage.prompt_tokens, answer.usage.total_tokens) == ("gem/embed", 4, 4)
    one = {"model": "models/gemini-embedding-001", "outputDimensionality": 2}
    assert upstream.last.json == {"requests": [{**one, "content": {"parts": [{"text": text}]}} for text in ("a", "b")]}


def test_embeddings_when_asked_as_base64_are_given_so(gateway: LiveGateway, upstream: Vendor) -> None:
    path = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    upstream.answers[path] = lambda seen: embedded([0.5, 1.5])
    answer = gateway.http.post(
        "/v1/embeddings", json={"model": "gem/embed", "input": "a", "encoding_format": "base64", "user": "u"}
    )
    assert answer.headers["x-gateway-lossy"] == "user"
    assert unpack("<2f", b64decode(answer.json()["data"][0]["embedding"])) == (0.5, 1.5)


def test_embeddings_when_there_are_many_go_in_several_requests_and_come_in_order(client: OpenAI, upstream: Vendor) -> None:
    def answer(seen: Seen) -> Said:
        texts = [one["content"]["parts"][0]["text"] for one in seen.json["requests"]]
        return embedded(*([float(text)] for text in texts), usageMetadata={"promptTokenCount": len(texts)})

    upstream.answers["/v1beta/models/gemini-embedding-001:batchEmbedContents"] = answer
    found = client.embeddings.create(model="gem/embed", input=[str(number) for number in range(250)], encoding_format="float")
    assert [item.embedding for item in found.data] == [[float(number)] for number in range(250)]
    assert found.usage.prompt_tokens == 250
    assert sorted(len(seen.json["requests"]) for seen in upstream.seen) == [50, 100, 100]


def test_embeddings_when_asked_of_an_older_vertex_model_are_predicted(client: OpenAI, upstream: Vendor) -> None:
    told = {"predictions": [{"embeddings": {"values": [0.5], "statistics": {"token_count": 3, "truncated": False}}}] * 2}
    path = f"{PLACE}/publishers/google/models/text-embedding-005:predict"
    upstream.answers[path] = lambda seen: said(told)
    answer = client.embeddings.create(model="vertex/embed", input=["a", "b"], dimensions=1, encoding_format="float")
    assert answer.usage.prompt_tokens == 6
    assert upstream.last.json == {"instances": [{"content": "a"}, {"content": "b"}], "parameters": {"outputDimensionality": 1}}


def test_embeddings_when_asked_of_gemini_at_vertex_have_their_configuration(client: OpenAI, upstream: Vendor) -> None:
    path = f"{PLACE}/publishers/google/models/gemini-embedding-001:batchEmbedContents"
    upstream.answers[path] = lambda seen: embedded([0.5])
    client.embeddings.create(
        model="vertex/gem", input="a", dimensions=1, encoding_format="float", extra_body={"task_type": "CLUSTERING"}
    )
    config = {"outputDimensionality": 1, "taskType": "CLUSTERING"}
    assert upstream.last.json == {"requests": [{"content": {"parts": [{"text": "a"}]}, "embedContentConfig": config}]}


@pytest.mark.parametrize(
    "told",
    [{"embeddings": []}, {"embeddings": [{}]}, {"embeddings": 1}, {}, [], {"predictions": [{}]}, {"embeddings": [{"values": 1}]}],
)
def test_embeddings_when_the_answer_is_none_then_502(told: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1beta/models/gemini-embedding-001:batchEmbedContents"] = lambda seen: said(told)
    answer = gateway.http.post("/v1/embeddings", json={"model": "gem/embed", "input": "a"})
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


def test_embeddings_when_asked_of_tokens_are_400_and_nobody_is_asked(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post("/v1/embeddings", json={"model": "gem/embed", "input": [1, 2]})
    assert (answer.status_code, error_of(answer)["param"]) == (400, "input")
    assert upstream.seen == []


# Pictures


def pictured(*parts: dict[str, Any], **more: Any) -> Said:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
    return said({"candidates": [{"content": {"parts": list(parts)}, **more}], "usageMetadata": usage})


def test_image_when_asked_for_is_generated_once_for_each(client: OpenAI, upstream: Vendor) -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    upstream.answers[generate("gemini-3.1-flash-image")] = lambda seen: pictured({"text": "Here"}, part)
    answer = client.images.generate(model="gem/image", prompt="an otter", n=2, size="1536x1024")
    assert answer.data is not None
    assert [item.b64_json for item in answer.data] == [PNG, PNG]
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (10, 14, 24)
    assert len(upstream.seen) == 2
    config = {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "3:2"}}
    contents = [{"role": "user", "parts": [{"text": "an otter"}]}]
    assert upstream.last.json == {"contents": contents, "generationConfig": config}


def test_image_when_it_is_held_back_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    path = generate("gemini-3.1-flash-image")
    upstream.answers[path] = lambda seen: pictured(finishReason="IMAGE_SAFETY")
    answer = gateway.http.post("/v1/images/generations", json={"model": "gem/image", "prompt": "x"})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "content_policy_violation")
    upstream.answers[path] = lambda seen: said({"promptFeedback": {"blockReason": "OTHER"}})
    answer = gateway.http.post("/v1/images/generations", json={"model": "gem/image", "prompt": "x"})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "content_policy_violation")
    upstream.answers[path] = lambda seen: pictured({"text": "No."}, finishReason="STOP")
    answer = gateway.http.post("/v1/images/generations", json={"model": "gem/image", "prompt": "x"})
    assert (answer.status_code, error_of(answer)["code"]) == (502, "upstream_invalid_response")


# Failures


@pytest.mark.parametrize(
    ("status", "word", "found", "code"),
    [
        (400, "INVALID_ARGUMENT", 400, None),
        (401, "UNAUTHENTICATED", 502, "upstream_auth_failed"),
        (403, "PERMISSION_DENIED", 502, "upstream_auth_failed"),
        (404, "NOT_FOUND", 502, "upstream_model_not_found"),
        (429, "RESOURCE_EXHAUSTED", 429, "upstream_rate_limited"),
        (500, "INTERNAL", 502, "upstream_server_error"),
        (503, "UNAVAILABLE", 503, "upstream_overloaded"),
    ],
)
@pytest.mark.parametrize("listed", [False, True])
def test_failure_when_google_tells_it_is_the_right_one(
    status: int, word: str, found: int, code: str | None, listed: bool, gateway: LiveGateway, upstream: Vendor
) -> None:
    error = {"error": {"code": status, "message": f"It is {word}.", "status": word}}
    upstream.answers["/v1beta/models/gemini-embedding-001:batchEmbedContents"] = lambda seen: said(
        [error] if listed else error, status
    )
    answer = gateway.http.post("/v1/embeddings", json={"model": "gem/embed", "input": "a"})
    assert answer.status_code == found
    told = answer.json()["error"]
    if code is not None:
        assert told["code"] == code
    else:
        assert told["message"] == f"It is {word}."


def test_error_when_it_comes_with_a_good_status_is_an_error(gateway: LiveGateway, upstream: Vendor) -> None:
    error = {"error": {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}}
    upstream.answers[f"{STUDIO}:generateContent"] = lambda seen: said(error)
    answer = gateway.http.post("/v1beta/models/gem/flash:generateContent", json=ASKED)
    assert answer.status_code == 429
    assert answer.json()["error"]["status"] == "RESOURCE_EXHAUSTED"
    upstream.answers[f"{STUDIO}:generateContent"] = lambda seen: Said(json.dumps({"usageMetadata": {}}).encode())
    answer = gateway.http.post("/v1beta/models/gem/flash:generateContent", json=ASKED)
    assert answer.status_code == 502
