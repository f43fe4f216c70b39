"""Is a request read upstream as it is read here, and can it choose no other model there?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.vendor import Vendor, said, vendor
from tests.integration.test_listening import FILE
from tests.integration.test_responses import NATIVE, chat
from tests.live import LiveGateway, error_in, error_of
from tests.live import body as chat_body
from tests.socket_client import dial

Json = dict[str, Any]
ABLE = ["chat", "completion", "embedding", "rerank", "moderation", "text_to_speech", "image_generation", "image_edit",
        "audio_transcription"]  # fmt: skip
SENT: dict[str, Json] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi"},
    "/v1/embeddings": {"input": "hi"},
    "/v1/rerank": {"query": "q", "documents": ["a"]},
    "/v1/moderations": {"input": "hi"},
    "/v1/audio/speech": {"input": "hi", "voice": "alloy"},
    "/v1/images/generations": {"prompt": "a cat"},
    "/v1/images/edits": {"prompt": "a cat", "image": "https://example.com/a.png"},
    "/v1/responses": {"input": "hi"},
    "/v1/responses/input_tokens": {"input": "hi"},
    "/v1/responses/compact": {"input": "hi"},
}
LOOKALIKES = [
    ("Model", "model"),
    ("MODEL", "model"),
    ("\u017ftream", "stream"),
    ("\uff4dodel", "model"),
    ("Tensorzero::credentials", "tensorzero::credentials"),
    ("Api_Key", "api_key"),
    ("Models", "models"),
]


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai_compatible", base, {"names/any": ("up", ABLE)}, name="names any")
        shared_gateway.define_at("openai", base, {"names/responses": ("up", ["responses"])}, name="names responses")
        router = {"names/router": ("up", ["chat", "audio_transcription"]), "names/router-responses": ("up", ["responses"])}
        shared_gateway.define_at("openrouter", base, router, name="names router")
        options = {"allowed_request_fields": ["models", "tools[].model", "prompt"]}
        open_to = {"names/allowed": ("up", ["chat", "audio_transcription"])}
        shared_gateway.define_at("openrouter", base, open_to, name="names allowed", options=options)
        shared_gateway.define_at("openai", base, {"names/prompts": ("up", ["responses"])}, name="names prompts", options=options)
        pinned = {"names/pinned": ("up", ["chat"])}
        shared_gateway.define_at("vllm", base, pinned, name="names pinned", extra_body={"top_k": 1, "safetyModel": "x"})
        yield upstream


@pytest.fixture(autouse=True)
def answers(upstream: Vendor) -> None:
    upstream.seen.clear()
    upstream.answers["/v1/chat/completions"] = lambda seen: said(chat({"content": "Hello."}))
    upstream.answers["/v1/responses"] = lambda seen: said(NATIVE)
    upstream.answers["/v1/audio/transcriptions"] = lambda seen: said({"text": "hi"})


@pytest.mark.parametrize("path", SENT)
def test_field_when_it_is_another_but_for_its_spelling_is_400_and_asks_nobody(
    path: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    model = "names/responses" if "responses" in path else "names/any"
    for name, spelt in LOOKALIKES:
        answer = gateway.http.post(path, json={"model": model, **SENT[path], name: "secret"})
        told = error_of(answer)
        assert (answer.status_code, told["code"], told["param"]) == (400, "ambiguous_field", name)
        assert repr(spelt) in told["message"]
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("sent", "code", "param"),
    [
        ('{"model":"names/any","\\u004dodel":"secret","messages":[1]}', "ambiguous_field", "Model"),
        ('{"model":"names/any","\\u006dodel":"secret","messages":[1]}', "duplicate_key", None),
        ('{"model":"names/any","messages":[1],"stream":true,"stream_options":{"include_usage":true,"Include_usage":false}}',
         "ambiguous_field", "stream_options.Include_usage"),
        ('{"model":"names/any","messages":[1],"stream":true,"stream_options":{"\\u0049nclude_usage":false}}',
         "ambiguous_field", "stream_options.Include_usage"),
        ('{"model":"names/any","messages":[1],"stream":true,"stream_options":{"include_usage":true,"include_usage":false}}',
         "duplicate_key", "stream_options"),
    ],
)  # fmt: skip
def test_field_when_escaped_or_nested_is_400(
    sent: str, code: str, param: str | None, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer = gateway.http.post("/v1/chat/completions", content=sent)
    told = error_of(answer)
    assert (answer.status_code, told["code"], told["param"]) == (400, code, param)
    assert upstream.seen == []


@pytest.mark.parametrize("name", ["Model", "model[]", "MODEL[]", " model", "Tensorzero::credentials", "Api_key", "Models"])
def test_form_field_when_it_is_another_but_for_its_spelling_is_400(name: str, gateway: LiveGateway, upstream: Vendor) -> None:
    data = {"model": "names/any", name: "secret"}
    answer = gateway.http.post("/v1/audio/transcriptions", data=data, files={"file": FILE})
    assert (answer.status_code, error_of(answer)["param"]) == (400, name.removesuffix("[]"))
    assert upstream.seen == []


def test_number_of_images_when_spelt_otherwise_is_400(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.http.post("/v1/images/generations", json={"model": "names/any", "prompt": "a cat", "N": 10})
    assert (answer.status_code, error_of(answer)["param"]) == (400, "N")
    assert upstream.seen == []


def test_message_of_a_websocket_when_a_field_is_another_but_for_its_spelling_is_400(
    gateway: LiveGateway, upstream: Vendor
) -> None:
    with dial(gateway) as socket:
        for name in ("Model", "Type", "Stream_id", "Previous_Response_Id"):
            socket.ask("names/responses", **{name: "secret"})
            error = error_in({"error": socket.event()["error"]})
            assert (error["code"], error["param"]) == ("ambiguous_field", name)
    assert upstream.seen == []


def test_field_when_the_operator_sets_it_is_the_operators_in_any_spelling(gateway: LiveGateway, upstream: Vendor) -> None:
    assert gateway.chat("names/pinned", top_k=9, SAFETYMODEL="mine", safetymodel2="kept").status_code == 200
    assert upstream.last.json == {**chat_body("up"), "top_k": 1, "safetyModel": "x", "safetymodel2": "kept"}


CHOICES: Json = {
    "models": ["other/expensive"],
    "route": "fallback",
    "provider": {"order": ["x"]},
    "preset": "p",
    "plugins": [{"id": "web"}],
    "fallbacks": ["other"],
    "providerOptions": {"gateway": {"models": ["other"]}},
}


@pytest.mark.parametrize("model", ["names/router", "names/any"])
def test_field_when_it_chooses_a_model_upstream_is_left_out_and_named_or_400(
    model: str, gateway: LiveGateway, upstream: Vendor
) -> None:
    answer = gateway.chat(model, **CHOICES, temperature=0.5)
    assert answer.status_code == 200
    assert answer.headers["x-gateway-lossy"] == ", ".join(sorted(CHOICES))
    assert upstream.last.json == {**chat_body("up"), "temperature": 0.5}
    upstream.seen.clear()
    strict = gateway.http.post("/v1/chat/completions", json=chat_body(model, **CHOICES), headers={"x-gateway-strict": "1"})
    told = error_of(strict)
    assert (strict.status_code, told["code"], told["param"]) == (400, "unsupported_parameter", "fallbacks")
    assert upstream.seen == []


def test_field_when_it_chooses_a_model_is_left_out_of_streams_and_forms(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.chat("names/router", models=["other"], stream=True)
    assert answer.headers.get("x-gateway-lossy", "models") == "models"
    assert "models" not in upstream.last.json
    form = {"model": "names/router", "models[]": "other", "odd": "kept"}
    answer = gateway.http.post("/v1/audio/transcriptions", data=form, files={"file": FILE})
    assert (answer.status_code, answer.headers["x-gateway-lossy"]) == (200, "models")
    assert [part.name for part in upstream.last.form.parts] == ["model", "odd", "file"]


def test_field_when_the_providers_row_allows_it_is_sent(gateway: LiveGateway, upstream: Vendor) -> None:
    answer = gateway.chat("names/allowed", **CHOICES)
    assert answer.headers["x-gateway-lossy"] == ", ".join(sorted(CHOICES.keys() - {"models"}))
    assert upstream.last.json == {**chat_body("up"), "models": ["other/expensive"]}


PICTURE = {"type": "image_generation", "model": "expensive", "size": "auto"}
ADVISOR = {"type": "openrouter:advisor", "parameters": {"model": "expensive", "note": 1}}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"model": {"type": "string"}}}}


def test_model_of_a_hosted_tool_is_left_out_and_named(gateway: LiveGateway, upstream: Vendor) -> None:
    tools = [FUNCTION, PICTURE, ADVISOR]
    answer = gateway.http.post("/v1/responses", json={"model": "names/responses", "input": "hi", "tools": tools})
    assert (answer.status_code, answer.headers["x-gateway-lossy"]) == (200, "tools[1].model, tools[2].parameters.model")
    without = [FUNCTION, {"type": "image_generation", "size": "auto"}, {**ADVISOR, "parameters": {"note": 1}}]
    assert upstream.last.json["tools"] == without
    escaped = json.dumps({"model": "names/responses", "input": "hi", "tools": [PICTURE]}).replace(
        '"model": "exp', '"mod\\u0065l": "exp'
    )
    answer = gateway.http.post("/v1/responses", content=escaped)
    assert answer.headers["x-gateway-lossy"] == "tools[0].model"
    assert "expensive" not in upstream.last.body.decode()
    items: list[Json] = [
        {"role": "user", "content": "hi"},
        {"type": "additional_tools", "role": "developer", "tools": [FUNCTION, PICTURE]},
    ]
    answer = gateway.http.post("/v1/responses", json={"model": "names/responses", "input": items})
    assert answer.headers["x-gateway-lossy"] == "input[1].tools[1].model"
    assert upstream.last.json["input"] == [items[0], {**items[1], "tools": [FUNCTION, without[1]]}]
    assert gateway.chat("names/router", tools=[ADVISOR]).headers["x-gateway-lossy"] == "tools[0].parameters.model"
    assert gateway.chat("names/allowed", tools=[ADVISOR]).headers.get("x-gateway-lossy") is None
    assert upstream.last.json["tools"] == [ADVISOR]


def test_prompt_when_it_would_name_the_model_has_the_routes_unless_allowed(gateway: LiveGateway, upstream: Vendor) -> None:
    for model, sent in (("names/responses", {"model": "up"}), ("names/prompts", {})):
        named = {"prompt": {"id": "pmpt_1"}, "input": "hi"}
        answer = gateway.http.post("/v1/responses", json=named, headers={"x-model-name": model})
        assert answer.status_code == 200
        assert upstream.last.json == {**named, **sent}
