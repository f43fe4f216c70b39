"""Do Ollama's clients find at the gateway what they would find at an Ollama server, whoever answers behind it?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes import ollama
from tests.fakes.vendor import Said, Vendor, said, vendor
from tests.live import PROVIDER_KEY, LiveGateway

HI = [{"role": "user", "content": "Hi."}]
NATIVE = "llama3.2"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
PNG = "iVBORw0KGgo="


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define(
        "ok", "ok-tools", "status-429-retry-after-7", "status-400", "stream-ok-3", "stream-error-after-2", "stream-cut-after-2"
    )
    shared_gateway.define_models({"mini": [{"upstream_model": "ok"}], "org/mini:8b": [{"upstream_model": "ok"}]})
    shared_gateway.define_models({"embedder": [{"upstream_model": "ok"}]}, capabilities=["embedding"])


@pytest.fixture(scope="module")
def played(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor(ollama.ANSWERS) as upstream:
        able = ("chat", "embedding")
        shared_gateway.define_at("ollama_native", upstream.base, {NATIVE: (ollama.MODEL, able)}, name="own-api")
        shared_gateway.define_at("ollama", f"{upstream.base}/v1", {"both": (ollama.MODEL, able)}, name="both-apis")
        yield upstream


@pytest.fixture
def server(played: Vendor) -> Vendor:
    """The Ollama server behind some models."""
    played.answers = dict(ollama.ANSWERS)
    played.seen.clear()
    return played


def post(gateway: LiveGateway, path: str, **fields: Any) -> httpx.Response:
    return gateway.http.post(f"/api/{path}", json=fields)


def lines(answer: httpx.Response) -> list[Any]:
    """The lines of a stream, each of which clients read as JSON."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


def failed(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    told = answer.json()
    assert list(told) == ["error"]
    return str(told["error"])


def check_end(line: Any, reason: str = "stop") -> None:
    assert (line["done"], line["done_reason"]) == (True, reason)
    assert STAMP.fullmatch(line["created_at"])
    assert all(type(line[name]) is int for name in DURATIONS)
    assert all(type(line[name]) is int for name in ("prompt_eval_count", "eval_count"))


# Another vendor answers


def test_chat_when_another_vendor_answers_is_told_as_ollama_tells_it(gateway: LiveGateway) -> None:
    told = post(gateway, "chat", model="mini", messages=HI, stream=False).json()
    assert (told["model"], told["message"]) == ("mini", {"role": "assistant", "content": "Hello from chaos."})
    assert (told["prompt_eval_count"], told["eval_count"]) == (11, 3)
    assert 0 < told["total_duration"] < 15 * 10**9
    check_end(told)


def test_chat_when_nothing_is_said_of_streams_is_lines(gateway: LiveGateway) -> None:
    *told, end = lines(post(gateway, "chat", model="chaos/stream-ok-3", messages=HI))
    assert all(line["done"] is False and line["model"] == "chaos/stream-ok-3" for line in told)
    assert all(STAMP.fullmatch(line["created_at"]) for line in told)
    assert len([line for line in told if line["message"]["content"]]) == 3
    check_end(end)
    assert end["eval_count"] == 3


def test_chat_when_a_tool_is_called_has_arguments_as_an_object(gateway: LiveGateway) -> None:
    told = post(gateway, "chat", model="chaos/ok-tools", messages=HI, stream=False).json()
    (call,) = told["message"]["tool_calls"]
    assert isinstance(call["function"]["arguments"], dict)
    check_end(told)


def test_generate_when_another_vendor_answers_is_a_conversation_for_it(gateway: LiveGateway) -> None:
    answer = post(
        gateway,
        "generate",
        model="mini",
        prompt="Why?",
        system="Be brief.",
        images=[PNG],
        stream=False,
        template="x",
        context=[1],
    )
    told = answer.json()
    assert told["response"] == "Hello from chaos."
    assert "message" not in told
    check_end(told)
    assert answer.headers["x-gateway-lossy"] == "template, context"
    sent = gateway.chaos.bodies()[-1]["messages"]
    assert sent[0] == {"role": "system", "content": "Be brief."}
    assert [part["type"] for part in sent[1]["content"]] == ["image_url", "text"]


def test_generate_when_streamed_has_the_pieces_in_response(gateway: LiveGateway) -> None:
    *told, end = lines(post(gateway, "generate", model="chaos/stream-ok-3", prompt="Why?"))
    assert all(isinstance(line["response"], str) and "message" not in line for line in told)
    assert (end["response"], end["done"]) == ("", True)
    check_end(end)


@pytest.mark.parametrize(("field", "value"), [("raw", True), ("suffix", "}")])
def test_generate_when_a_conversation_cannot_say_it_is_refused(gateway: LiveGateway, field: str, value: Any) -> None:
    told = failed(post(gateway, "generate", model="mini", prompt="Why?", stream=False, **{field: value}), 400)
    assert field in told


def test_embed_when_another_vendor_answers_has_what_ollama_tells(gateway: LiveGateway) -> None:
    with vendor({"/v1/embeddings": lambda seen: said(EMBEDDED)}) as upstream:
        gateway.define_at("openai_compatible", f"{upstream.base}/v1", {"vectors": ("v", ["embedding"])}, name="embedding")
        answer = post(gateway, "embed", model="vectors", input=["a", "b"], dimensions=2, truncate=False, keep_alive="5m")
        assert upstream.last.json == {"model": "v", "input": ["a", "b"], "dimensions": 2}
        assert answer.headers["x-gateway-lossy"] == "truncate, keep_alive"
        told = answer.json()
        assert (told["model"], told["embeddings"], told["prompt_eval_count"]) == ("vectors", [[0.5, -0.25], [1.0, 2.0]], 8)
        assert 0 < told["total_duration"] < 15 * 10**9
        assert post(gateway, "embeddings", model="vectors", prompt="a").json() == {"embedding": [0.5, -0.25]}


EMBEDDED = {
    "object": "list",
    "data": [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate([[0.5, -0.25], [1.0, 2.0]])],
    "model": "v",
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


# An Ollama server answers


@pytest.mark.parametrize("model", [NATIVE, "both"])
def test_chat_when_an_ollama_server_answers_passes_as_it_came(gateway: LiveGateway, server: Vendor, model: str) -> None:
    told = post(gateway, "chat", model=model, messages=HI, stream=False, options={"num_ctx": 99, "x": 1}, x_request=[1.5]).json()
    assert server.last.path == "/api/chat"
    assert server.last.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert server.last.json == {
        "model": ollama.MODEL,
        "messages": HI,
        "stream": False,
        "options": {"num_ctx": 99, "x": 1},
        "x_request": [1.5],
    }
    assert told == {**ollama.last(), "model": model, "message": {"role": "assistant", "content": "Hello there."}, "x_own": [1.5]}


def test_chat_when_an_ollama_server_streams_passes_line_by_line(gateway: LiveGateway, server: Vendor) -> None:
    answer = post(gateway, "chat", model=f"{NATIVE}:latest", messages=HI)
    expected = [ollama.piece("Hello"), ollama.piece(" there."), ollama.last(x_own=[1.5])]
    assert lines(answer) == [{**line, "model": f"{NATIVE}:latest"} for line in expected]
    assert "stream" not in server.last.json
    assert "x-gateway-lossy" not in answer.headers


def test_generate_when_an_ollama_server_answers_is_asked_of_its_own_path(gateway: LiveGateway, server: Vendor) -> None:
    fields = {"prompt": "Why?", "suffix": "}", "options": {"num_ctx": 9}, "images": [PNG]}
    told = post(gateway, "generate", model=NATIVE, stream=False, **fields).json()
    assert server.last.path == "/api/generate"
    assert server.last.json == {"model": ollama.MODEL, "stream": False, **fields}
    assert (told["model"], told["response"], told["context"]) == (NATIVE, "Hello there.", [1, 2, 3])
    first, end = lines(post(gateway, "generate", model="both", prompt="Why?", raw=True))
    assert (first["response"], end["done"], first["model"]) == ("Hello there.", True, "both")
    assert server.last.json == {"model": ollama.MODEL, "prompt": "Why?", "raw": True}


@pytest.mark.parametrize("model", [NATIVE, "both"])
def test_embed_when_an_ollama_server_answers_is_told_all(gateway: LiveGateway, server: Vendor, model: str) -> None:
    told = post(gateway, "embed", model=model, input="a", truncate=False, options={"num_ctx": 9}).json()
    assert server.last.json == {"model": ollama.MODEL, "input": "a", "truncate": False, "options": {"num_ctx": 9}}
    assert (told["model"], told["embeddings"], told["prompt_eval_count"]) == (model, [[0.5, -0.25, 1.0]], 8)


def test_clients_of_openai_when_an_ollama_server_answers_are_served_too(gateway: LiveGateway, server: Vendor) -> None:
    answer = gateway.chat(NATIVE, max_tokens=5)
    assert answer.json()["choices"][0]["message"]["content"] == "Hello there."
    assert answer.json()["usage"]["completion_tokens"] == 298
    assert server.last.json["options"] == {"num_predict": 5}
    embedded = gateway.http.post("/v1/embeddings", json={"model": NATIVE, "input": ["a", "b"], "encoding_format": "base64"})
    assert len(embedded.json()["data"]) == 2
    assert isinstance(embedded.json()["data"][0]["embedding"], str)


# What goes wrong


def test_stream_when_it_cannot_go_on_ends_with_a_line_that_says_so(gateway: LiveGateway) -> None:
    for model in ("chaos/stream-error-after-2", "chaos/stream-cut-after-2"):
        *told, end = lines(post(gateway, "chat", model=model, messages=HI))
        assert told
        assert list(end) == ["error"]
        assert end["error"]


@pytest.mark.parametrize("cut", [False, True])
def test_stream_of_an_ollama_server_when_it_ends_early_is_no_clean_end(gateway: LiveGateway, server: Vendor, cut: bool) -> None:
    pieces = ollama.lines(ollama.piece("Hello"), ollama.piece(" there."))
    server.answers["/api/chat"] = lambda seen: Said(
        content_type=pieces.content_type, chunks=[*(pieces.chunks or ()), b'{"model":"ha'], cut=cut, pause=0.02
    )
    *told, end = lines(post(gateway, "chat", model=NATIVE, messages=HI))
    assert [line["message"]["content"] for line in told] == ["Hello", " there."]
    assert list(end) == ["error"]


def test_error_of_an_ollama_server_in_a_stream_is_told_as_a_line(gateway: LiveGateway, server: Vendor) -> None:
    broken = ollama.lines(ollama.piece("Hello"), {"error": "an error was encountered while running the model: CUDA error"})
    server.answers["/api/chat"] = lambda seen: Said(content_type=broken.content_type, chunks=broken.chunks, pause=0.05)
    *told, end = lines(post(gateway, "chat", model=NATIVE, messages=HI))
    assert len(told) == 1
    assert "CUDA error" in end["error"]


@pytest.mark.parametrize(
    ("status", "text", "told"), [(400, '"x" does not support tools', 400), (404, "model 'x' not found", 502), (503, "busy", 503)]
)
def test_error_of_an_ollama_server_is_told_with_the_status_that_is_true_here(
    gateway: LiveGateway, server: Vendor, status: int, text: str, told: int
) -> None:
    server.answers["/api/chat"] = lambda seen: said({"error": text}, status)
    message = failed(post(gateway, "chat", model=NATIVE, messages=HI, stream=False), told)
    assert (message == text) is (status == 400)


def test_model_of_an_ollama_server_when_it_lacks_an_ability_is_passed_over_for_the_next(
    gateway: LiveGateway, server: Vendor
) -> None:
    server.answers["/api/chat"] = lambda seen: said({"error": f'"{ollama.MODEL}" does not support tools'}, 400)
    routes = [{"provider": "own-api", "upstream_model": ollama.MODEL}, {"upstream_model": "ok"}]
    gateway.define_models({"either": routes})
    answer = post(gateway, "chat", model="either", messages=HI, stream=False)
    assert answer.json()["message"]["content"] == "Hello from chaos."
    assert answer.headers["x-gateway-attempts"] == "2"


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("chat", {"model": "nobody", "messages": HI}, 404),
        ("chat", {"messages": HI}, 400),
        ("chat", {"model": "mini", "messages": {}}, 400),
        ("chat", {"model": "mini", "messages": [1]}, 400),
        ("chat", {"model": "mini", "messages": [{"role": "user", "content": "a", "images": ["no base64!"]}]}, 400),
        ("chat", {"model": "mini", "messages": [{"role": "tool", "content": "a"}]}, 400),
        ("chat", {"model": "mini", "messages": HI, "top_logprobs": 21}, 400),
        ("chat", {"model": "mini", "messages": HI, "think": "much"}, 400),
        ("chat", {"model": "embedder", "messages": HI}, 400),
        ("chat", {"model": "chaos/status-400", "messages": HI}, 400),
        ("chat", {"model": "chaos/status-429-retry-after-7", "messages": HI}, 429),
        ("generate", {"prompt": "a"}, 400),
        ("generate", {"model": "mini", "prompt": 7}, 400),
        ("generate", {"model": "mini", "prompt": "a", "raw": True, "system": "b"}, 400),
        ("embed", {"model": "embedder", "input": [1]}, 400),
        ("embed", {"model": "mini", "input": "a"}, 400),
        ("show", {}, 400),
        ("show", {"model": "nobody"}, 404),
        ("nothing", {}, 404),
    ],
)
def test_request_when_it_is_bad_is_told_in_ollamas_shape_with_the_true_status(
    gateway: LiveGateway, path: str, fields: Any, status: int
) -> None:
    assert failed(post(gateway, path, **fields), status)


def test_request_without_a_key_is_refused_everywhere(gateway: LiveGateway) -> None:
    for method, path in (
        ("GET", "tags"),
        ("POST", "chat"),
        ("POST", "show"),
        ("GET", "version"),
        ("POST", "pull"),
        ("GET", "ps"),
    ):
        assert failed(httpx.request(method, f"{gateway.base_url}/api/{path}", trust_env=False), 401)


def test_strict_request_when_something_would_be_left_out_is_refused(gateway: LiveGateway) -> None:
    fields = {"model": "mini", "messages": HI, "options": {"num_ctx": 9}, "stream": False}
    answer = gateway.http.post("/api/chat", json=fields, headers={"x-gateway-strict": "1"})
    assert "options.num_ctx" in failed(answer, 400)
    assert post(gateway, "chat", **fields).headers["x-gateway-lossy"] == "options.num_ctx"


# Models


def test_tags_when_listed_are_those_of_the_key_as_ollama_shows_them(gateway: LiveGateway) -> None:
    made = gateway.create_key("ollama", "--models", "mini,org/mini:8b,embedder")
    gateway.wait_visible("mini", key=made["key"])
    told = gateway.http.get("/api/tags", headers=gateway.headers(made["key"])).json()["models"]
    assert [one["name"] for one in told] == [one["model"] for one in told] == ["embedder:latest", "mini:latest", "org/mini:8b"]
    assert [one["capabilities"] for one in told] == [
        ["embedding"],
        ["completion", "tools", "vision"],
        ["completion", "tools", "vision"],
    ]
    for one in told:
        assert STAMP.fullmatch(one["modified_at"])
        assert re.fullmatch(r"[0-9a-f]{64}", one["digest"])
        assert one["size"] == 0
        assert one["details"].keys() >= {"parent_model", "format", "family", "families", "parameter_size", "quantization_level"}
    assert failed(gateway.http.post("/api/show", json={"model": NATIVE}, headers=gateway.headers(made["key"])), 404)


@pytest.mark.parametrize("given", [{"model": "long"}, {"name": "long"}, {"model": "long:latest", "verbose": True}])
def test_show_when_asked_tells_what_is_known_of_the_model(gateway: LiveGateway, given: Any) -> None:
    gateway.define_models(
        {"long": [{"upstream_model": "ok"}]},
        context_length=32768,
        metadata={"supports_vision": False, "supports_reasoning": True},
    )
    told = post(gateway, "show", **given).json()
    architecture = told["model_info"]["general.architecture"]
    assert told["model_info"][f"{architecture}.context_length"] == 32768
    assert told["capabilities"] == ["completion", "tools", "thinking"]
    assert told["details"]["family"] == architecture
    assert STAMP.fullmatch(told["modified_at"])


@pytest.mark.parametrize("name", ["mini", "mini:latest", "org/mini:8b"])
def test_model_when_named_with_or_without_its_tag_is_found_and_named_so(gateway: LiveGateway, name: str) -> None:
    assert post(gateway, "chat", model=name, messages=HI, stream=False).json()["model"] == name


def test_model_when_it_is_only_asked_to_be_loaded_is(gateway: LiveGateway) -> None:
    told = post(gateway, "chat", model="mini", messages=[]).json()
    assert (told["model"], told["done"], told["done_reason"]) == ("mini", True, "load")
    assert told["message"] == {"role": "assistant", "content": ""}
    told = post(gateway, "generate", model="mini", keep_alive=0).json()
    assert (told["response"], told["done"], told["done_reason"]) == ("", True, "unload")
    assert post(gateway, "embed", model="embedder", input=[]).json() == {"model": "embedder", "embeddings": []}
    assert gateway.chaos.log() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "pull"), ("POST", "push"), ("POST", "create"), ("POST", "copy"), ("DELETE", "delete"), ("POST", "blobs/sha256:1")],
)
def test_models_when_they_are_to_be_changed_is_refused_with_the_reason(gateway: LiveGateway, method: str, path: str) -> None:
    assert "operator" in failed(gateway.http.request(method, f"/api/{path}", json={"model": "mini"}), 501)
    assert gateway.http.head("/api/blobs/sha256:1").status_code == 501
