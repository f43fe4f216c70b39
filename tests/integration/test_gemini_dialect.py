"""Do Google's clients find what they know: paths, keys, streams in both forms, errors, counts, embeddings, lists of models?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import Chaos
from tests.fakes.vendor import Said, Vendor, events, said, vendor
from tests.live import LiveGateway
from tests.live import events as events_of

NAME = "gemini-3.6-flash"
STUDIO = f"/v1beta/models/{NAME}"
ASKED = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
BEHAVIOURS = ("ok", "echo", "stream-ok-4", "stream-cut-after-2", "stream-error-after-2", "status-429-retry-after-7", "status-400")
JSON = "application/json; charset=UTF-8"


def chunk(text: str, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}
    return {"candidates": [candidate], "modelVersion": NAME, "responseId": "r-1", "unknownField": 1.5}


def slowly(answer: Said) -> Said:
    """The same, with time to be heard between its parts."""
    answer.pause = 0.1
    return answer


CHUNKS = (chunk("Hel"), chunk("lo", finishReason="STOP"))


@pytest.fixture(scope="module")
def shared_upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        able = ["chat", "embedding"]
        models = {"dialect/gem": (NAME, able), "dialect/embed": ("gemini-embedding-001", able)}
        shared_gateway.define_at("gemini", upstream.base, models, name="dialect-gemini")
        shared_gateway.define_at(
            "openai_compatible", f"{upstream.base}/v1", {"dialect/other": ("embedder", ["embedding"])}, name="dialect-other"
        )
        shared_gateway.define(*BEHAVIOURS)
        yield upstream


@pytest.fixture
def upstream(gateway: LiveGateway, shared_upstream: Vendor) -> Vendor:
    shared_upstream.seen.clear()
    return shared_upstream


def post(gateway: LiveGateway, model: str, verb: str, body: Any, version: str = "v1beta", **more: Any) -> httpx.Response:
    return gateway.http.post(f"/{version}/models/{model}:{verb}", json=body, **more)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The error, which must be Google's and have the true status."""
    assert answer.headers["content-type"] == JSON
    assert answer.headers["x-request-id"]
    assert list(answer.json()) == ["error"]
    error: dict[str, Any] = answer.json()["error"]
    assert list(error) == ["code", "message", "status", "details"]
    assert error["code"] == answer.status_code
    assert error["message"]
    return error


def reason_of(answer: httpx.Response) -> str:
    return str(error_of(answer)["details"][0]["reason"])


def text_of(values: list[Any]) -> str:
    parts = [part for value in values for choice in value.get("candidates", ()) for part in choice["content"].get("parts", ())]
    return "".join(part.get("text", "") for part in parts)


# Whole answers


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_answer_when_asked_of_a_chat_upstream_is_geminis(version: str, gateway: LiveGateway, upstream: Vendor) -> None:
    answer = post(gateway, "chaos/ok", "generateContent", ASKED, version)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert text_of([told]) == "Hello from chaos."
    assert told["candidates"][0]["finishReason"] == "STOP"
    assert told["modelVersion"] == "chaos/ok"
    used = {name: told["usageMetadata"][f"{name}TokenCount"] for name in ("prompt", "candidates", "thoughts", "total")}
    assert used == {"prompt": 11, "candidates": 1, "thoughts": 2, "total": 14}


def test_request_when_it_has_settings_reaches_a_chat_upstream_with_them(gateway: LiveGateway, upstream: Vendor) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"functionDeclarations": [{"name": "weather", "description": "d", "parametersJsonSchema": schema}]}]
    body = {
        **ASKED,
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 9, "stopSequences": ["x"], "topK": 3},
        "tools": tools,
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    }
    answer = post(gateway, "chaos/echo", "generateContent", body)
    assert answer.status_code == 200, answer.text
    lossy = answer.headers["x-gateway-lossy"].split(", ")
    assert "safetySettings" in lossy
    assert any("topK" in name for name in lossy)
    assert post(gateway, "chaos/echo", "generateContent", body, headers={"x-gateway-strict": "1"}).status_code == 400


def test_model_when_it_is_named_with_its_prefix_or_a_slash_too_many_is_found(gateway: LiveGateway, upstream: Vendor) -> None:
    for name in ("models/chaos/ok", "chaos/ok", "chaos%2Fok", "/chaos/ok"):
        assert post(gateway, name, "generateContent", ASKED).status_code == 200, name


# Keys


def test_key_when_it_comes_in_any_of_its_places_lets_in(gateway: LiveGateway, upstream: Vendor) -> None:
    path = f"{gateway.base_url}/v1beta/models/chaos/ok:generateContent"
    for headers, query in (
        ({"x-goog-api-key": gateway.key}, ""),
        ({"authorization": f"Bearer {gateway.key}"}, ""),
        ({}, f"?key={gateway.key}"),
        ({"x-goog-api-key": gateway.key}, f"?key={gateway.key}&alt=json"),
    ):
        assert httpx.post(path + query, headers=headers, json=ASKED, trust_env=False).status_code == 200
    for headers, query in (({}, ""), ({}, "?key="), ({"x-goog-api-key": "other"}, ""), ({}, "?key=other")):
        answer = httpx.post(path + query, headers=headers, json=ASKED, trust_env=False)
        assert (answer.status_code, error_of(answer)["status"]) == (401, "UNAUTHENTICATED")
    answer = httpx.post(f"{path}?key=other", headers={"x-goog-api-key": gateway.key}, json=ASKED, trust_env=False)
    assert (answer.status_code, reason_of(answer)) == (400, "CONFLICTING_CREDENTIALS")


# Streams


@pytest.mark.parametrize("model", ["chaos/stream-ok-4", "dialect/gem"])
def test_stream_when_events_are_asked_for_is_one_of_events(model: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[f"{STUDIO}:streamGenerateContent"] = lambda seen: events(*CHUNKS)
    answer = post(gateway, model, "streamGenerateContent?alt=sse", ASKED)
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events_of(answer)
    assert {value["modelVersion"] for value in told} == {model}
    assert told[-1]["candidates"][0]["finishReason"] == "STOP"
    if model == "dialect/gem":
        assert told == [{**one, "modelVersion": model} for one in CHUNKS]
        assert upstream.last.path == f"{STUDIO}:streamGenerateContent?alt=sse"
        assert upstream.last.json == ASKED


@pytest.mark.parametrize("query", ["", "?alt=json", "?$alt=json"])
@pytest.mark.parametrize("model", ["chaos/stream-ok-4", "dialect/gem"])
def test_stream_when_no_events_are_asked_for_is_a_list(model: str, query: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[f"{STUDIO}:streamGenerateContent"] = lambda seen: events(*CHUNKS)
    answer = post(gateway, model, f"streamGenerateContent{query}", ASKED)
    assert answer.headers["content-type"] == JSON
    sse = events_of(post(gateway, model, "streamGenerateContent?alt=sse", ASKED))
    assert text_of(answer.json()) == text_of(sse)
    assert len(answer.json()) == len(sse) > 1
    assert ",\r\n" in answer.text


@pytest.mark.parametrize("behaviour", ["stream-cut-after-2", "stream-error-after-2"])
def test_stream_when_it_breaks_ends_with_an_error_in_either_form(behaviour: str, gateway: LiveGateway, upstream: Vendor) -> None:
    sse = events_of(post(gateway, f"chaos/{behaviour}", "streamGenerateContent?alt=sse", ASKED))
    listed = post(gateway, f"chaos/{behaviour}", "streamGenerateContent", ASKED)
    assert listed.status_code == 200
    for told in (sse, json.loads(listed.text)):
        assert list(told[-1]) == ["error"]
        assert told[-1]["error"]["code"] >= 500
        assert told[-1]["error"]["status"]
        assert told[-1]["error"]["details"][0]["reason"].startswith("UPSTREAM_")
        assert text_of(told[:-1])


def test_stream_when_gemini_breaks_ends_with_its_error(gateway: LiveGateway, upstream: Vendor) -> None:
    error = {"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}
    upstream.answers[f"{STUDIO}:streamGenerateContent"] = lambda seen: slowly(events(CHUNKS[0], error))
    told = post(gateway, "dialect/gem", "streamGenerateContent", ASKED).json()
    assert told[0] == {**CHUNKS[0], "modelVersion": "dialect/gem"}
    assert told[1]["error"]["status"] == "UNAVAILABLE"


@pytest.mark.parametrize("query", ["", "?alt=sse"])
@pytest.mark.parametrize(
    "told", [json.dumps(CHUNKS), json.dumps(CHUNKS, indent=2), " \n" + json.dumps(CHUNKS)], ids=["list", "spaced", "late"]
)
def test_stream_when_gemini_tells_it_as_a_list_is_a_stream(told: str, query: str, gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[f"{STUDIO}:streamGenerateContent"] = lambda seen: Said(told.encode())
    answer = post(gateway, "dialect/gem", f"streamGenerateContent{query}", ASKED)
    heard = events_of(answer) if query else answer.json()
    assert heard == [{**one, "modelVersion": "dialect/gem"} for one in CHUNKS]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([{"error": {"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED"}}], 429),
        ({"error": {"code": 503, "message": "No.", "status": "UNAVAILABLE"}}, 503),
        ([1], 502),
        ([], 502),
        ({}, 502),
    ],
)
def test_stream_when_gemini_tells_an_error_with_a_good_status_is_that(
    told: Any, status: int, gateway: LiveGateway, upstream: Vendor
) -> None:
    upstream.answers[f"{STUDIO}:streamGenerateContent"] = lambda seen: said(told)
    assert post(gateway, "dialect/gem", "streamGenerateContent?alt=sse", ASKED).status_code == status


def test_answer_when_gemini_streams_it_unasked_is_whole(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[f"{STUDIO}:generateContent"] = lambda seen: events(*CHUNKS)
    answer = post(gateway, "dialect/gem", "generateContent", ASKED)
    assert answer.json() == {**chunk("Hello", finishReason="STOP"), "modelVersion": "dialect/gem"}


def test_stream_when_it_is_refused_is_an_error_of_its_status_in_either_form(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = post(gateway, "chaos/status-429-retry-after-7", "streamGenerateContent?alt=sse", ASKED)
    assert (answer.status_code, error_of(answer)["status"]) == (429, "RESOURCE_EXHAUSTED")
    answer = post(gateway, "chaos/status-429-retry-after-7", "streamGenerateContent", ASKED)
    assert (answer.status_code, [list(one) for one in answer.json()]) == (429, [["error"]])
    assert answer.headers["retry-after"] == "7"


# Errors


@pytest.mark.parametrize(
    ("model", "body", "status", "word", "reason"),
    [
        ("nobody", ASKED, 404, "NOT_FOUND", "MODEL_NOT_FOUND"),
        ("dialect/other", ASKED, 400, "INVALID_ARGUMENT", "CAPABILITY_NOT_SUPPORTED"),
        ("chaos/ok", {}, 400, "INVALID_ARGUMENT", "MISSING_REQUIRED_PARAMETER"),
        ("chaos/ok", {"contents": []}, 400, "INVALID_ARGUMENT", "INVALID_VALUE"),
        ("chaos/ok", {"contents": 1}, 400, "INVALID_ARGUMENT", "INVALID_TYPE"),
        ("chaos/status-429-retry-after-7", ASKED, 429, "RESOURCE_EXHAUSTED", "UPSTREAM_RATE_LIMITED"),
    ],
)
def test_error_when_it_comes_is_googles(
    model: str, body: Any, status: int, word: str, reason: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer = post(gateway, model, "generateContent", body)
    assert (answer.status_code, error_of(answer)["status"], reason_of(answer)) == (status, word, reason)


def test_error_when_the_body_is_no_json_is_googles(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post("/v1beta/models/chaos/ok:generateContent", content=b"{")
    assert (answer.status_code, reason_of(answer)) == (400, "INVALID_JSON")
    answer = gateway.http.post("/v1beta/nothing", content=b"{}")
    assert (answer.status_code, error_of(answer)["status"]) == (404, "NOT_FOUND")


def test_error_when_gemini_tells_details_keeps_them(gateway: LiveGateway, upstream: Vendor) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "contents"}]}]
    error = {"code": 400, "message": "Bad field.", "status": "INVALID_ARGUMENT", "details": details}
    upstream.answers[f"{STUDIO}:generateContent"] = lambda seen: said({"error": error}, 400)
    answer = post(gateway, "dialect/gem", "generateContent", ASKED)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


# Counts


def test_count_when_gemini_counts_is_its_count(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers[f"{STUDIO}:countTokens"] = lambda seen: said({"totalTokens": 7})
    inner = {**ASKED, "systemInstruction": {"parts": [{"text": "x"}]}}
    for body in (inner, {"generateContentRequest": {"model": "models/dialect/gem", **inner}}):
        answer = post(gateway, "dialect/gem", "countTokens", body)
        assert (answer.json(), "x-gateway-estimated" in answer.headers) == ({"totalTokens": 7}, False)
        assert upstream.last.json == {"generateContentRequest": {**inner, "model": f"models/{NAME}"}}


def test_count_when_nobody_counts_is_an_estimate(gateway: LiveGateway, upstream: Vendor, chaos: Chaos) -> None:
    answer = post(gateway, "chaos/ok", "countTokens", ASKED)
    assert answer.json()["totalTokens"] > 0
    assert answer.headers["x-gateway-estimated"] == "1"
    assert chaos.log() == []
    upstream.answers[f"{STUDIO}:countTokens"] = lambda seen: Said(b'{"totalTokens": "many"}')
    assert post(gateway, "dialect/gem", "countTokens", ASKED).status_code == 502


# Embeddings

CONTENT = {"content": {"parts": [{"text": "a"}, {"text": "b"}]}}
OPENAIS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1.5]}],
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}


def test_embedding_when_asked_of_gemini_has_its_settings(gateway: LiveGateway, upstream: Vendor) -> None:
    told = {"embeddings": [{"values": [0.5]}], "usageMetadata": {"promptTokenCount": 3}}
    upstream.answers["/v1beta/models/gemini-embedding-001:batchEmbedContents"] = lambda seen: said(told)
    settings = {"taskType": "RETRIEVAL_DOCUMENT", "title": "t", "outputDimensionality": 1}
    answer = post(gateway, "dialect/embed", "embedContent", {**CONTENT, **settings})
    assert answer.json() == {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 3}}
    assert "x-gateway-lossy" not in answer.headers
    one = {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a\nb"}]}, **settings}
    assert upstream.last.json == {"requests": [one]}


def test_embeddings_when_asked_of_another_provider_are_given_as_geminis(gateway: LiveGateway, upstream: Vendor) -> None:
    upstream.answers["/v1/embeddings"] = lambda seen: said(OPENAIS)
    answer = post(gateway, "dialect/other", "batchEmbedContents", {"requests": [{**CONTENT, "taskType": "CLUSTERING"}]})
    assert answer.json() == {"embeddings": [{"values": [0.5, 1.5]}], "usageMetadata": {"promptTokenCount": 2}}
    assert answer.headers["x-gateway-lossy"] == "taskType"
    assert upstream.last.json == {"model": "embedder", "input": ["a\nb"], "encoding_format": "float"}
    strict = {"x-gateway-strict": "1"}
    answer = post(gateway, "dialect/other", "embedContent", {**CONTENT, "taskType": "CLUSTERING"}, headers=strict)
    assert (answer.status_code, error_of(answer)["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("embedContent", {}),
        ("embedContent", {"content": {"parts": []}}),
        ("embedContent", {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}}),
        ("embedContent", {"content": {"parts": [1]}}),
        ("batchEmbedContents", {}),
        ("batchEmbedContents", {"requests": [1]}),
        ("batchEmbedContents", {"requests": [CONTENT, {}]}),
        ("batchEmbedContents", {"requests": [CONTENT, {**CONTENT, "taskType": "CLUSTERING"}]}),
    ],
)
def test_embedding_when_it_is_not_of_text_is_400(verb: str, body: Any, gateway: LiveGateway, upstream: Vendor) -> None:
    answer = post(gateway, "dialect/embed", verb, body)
    assert (answer.status_code, error_of(answer)["status"]) == (400, "INVALID_ARGUMENT")
    assert upstream.seen == []


# Models


def test_models_when_listed_come_in_pages(gateway: LiveGateway, upstream: Vendor) -> None:
    whole = gateway.http.get("/v1beta/models?pageSize=1000").json()["models"]
    names = [model["name"] for model in whole]
    assert {"models/dialect/gem", "models/chaos/ok"} <= set(names)
    found, token = [], ""
    while True:
        page = gateway.http.get("/v1beta/models", params={"pageSize": 2, "pageToken": token}).json()
        assert 0 < len(page["models"]) <= 2
        found += [model["name"] for model in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert found == names == sorted(names)


@pytest.mark.parametrize("query", ["pageSize=x", "pageSize=-1", "pageToken=%FF", "pageToken=a"])
def test_models_when_the_page_is_none_are_400(query: str, gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.get(f"/v1beta/models?{query}")
    assert (answer.status_code, error_of(answer)["status"]) == (400, "INVALID_ARGUMENT")


def test_model_when_asked_for_is_googles(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.get("/v1beta/models/dialect/gem")
    told = answer.json()
    assert (told["name"], told["displayName"]) == ("models/dialect/gem", "dialect/gem")
    assert told["supportedGenerationMethods"] == ["generateContent", "countTokens"]
    told = gateway.http.get("/v1beta/models/dialect/embed").json()
    assert told["supportedGenerationMethods"] == ["embedContent", "batchEmbedContents"]
    answer = gateway.http.get("/v1beta/models/nobody")
    assert (answer.status_code, reason_of(answer)) == (404, "MODEL_NOT_FOUND")


@pytest.mark.parametrize("mark", ["x-goog-api-key", "x-goog-api-client", "?key="])
def test_models_when_the_shared_path_is_asked_by_googles_client_are_googles(
    mark: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    query = f"?key={gateway.key}" if mark == "?key=" else ""
    headers = {} if query else {mark: gateway.key if mark == "x-goog-api-key" else "google-genai-sdk/3.6.1"}
    assert "models" in gateway.http.get(f"/v1/models{query}", headers=headers).json()
    assert gateway.http.get(f"/v1/models/dialect/gem{query}", headers=headers).json()["name"] == "models/dialect/gem"
    assert "data" in gateway.http.get("/v1/models").json()
