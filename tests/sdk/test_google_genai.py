"""Does google-genai work against the gateway as it does against Google, with a Gemini, a chat and a Responses upstream?

It asks `/v1` unless told otherwise, and `/v1beta` where it is; both are tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.live import LiveGateway

NAME = "gemini-3.6-flash"
PATH = f"/v1beta/models/{NAME}"
SIGNATURE = "c2lnbmF0dXJl"
CALL = {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Oslo"}}, "thoughtSignature": SIGNATURE}
USED = {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}


def candidate(*parts: dict[str, Any], finish: str = "STOP") -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0}],
        "usageMetadata": USED,
        "modelVersion": NAME,
        "responseId": "r-1",
    }


def gemini(seen: Seen) -> Said:
    """Google: a call of the tool if there is one that has not been answered, else a text."""
    body = seen.json
    answered = any("functionResponse" in part for content in body["contents"] for part in content["parts"])
    if "tools" in body and not answered:
        parts: list[dict[str, Any]] = [CALL]
    else:
        parts = [{"text": "Hello "}, {"text": "there."}]
    if seen.path.endswith(":generateContent"):
        return said(candidate(*parts))
    chunks = [candidate(part, finish="FINISH_REASON_UNSPECIFIED") for part in parts]
    return events(*chunks, candidate())


def chat(seen: Seen) -> Said:
    """OpenAI's chat, which says the same."""
    body = seen.json
    answered = any(message["role"] == "tool" for message in body["messages"])
    message: dict[str, Any] = {"role": "assistant", "content": "Hello there."}
    finish = "stop"
    if "tools" in body and not answered:
        call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
        message, finish = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    head = {"id": "c", "created": 1, "model": "up"}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return said({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
    for number, call in enumerate(message.get("tool_calls", ())):
        call["index"] = number
    deltas = [{"index": 0, "delta": message, "finish_reason": None}, {"index": 0, "delta": {}, "finish_reason": finish}]
    chunks = [{**head, "object": "chat.completion.chunk", "choices": [delta]} for delta in deltas]
    return events(*chunks, {**chunks[0], "choices": [], "usage": usage}, done=True)


def embeddings(seen: Seen) -> Said:
    return said({"embeddings": [{"values": [0.5, 1.5]} for _ in seen.json["requests"]]})


@pytest.fixture(scope="module")
def shared_upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor(
        {
            f"{PATH}:generateContent": gemini,
            f"{PATH}:streamGenerateContent": gemini,
            f"{PATH}:countTokens": lambda seen: said({"totalTokens": 7}),
            "/v1beta/models/gemini-embedding-001:batchEmbedContents": embeddings,
            "/v1/chat/completions": chat,
        }
    ) as upstream:
        models = {"genai/gemini": (NAME, ["chat"]), "genai/embed": ("gemini-embedding-001", ["embedding"])}
        shared_gateway.define_at("gemini", upstream.base, models, name="genai-google")
        shared_gateway.define_at("openai", f"{upstream.base}/v1", {"genai/chat": ("gpt", ["chat"])}, name="genai-openai")
        shared_gateway.define("stream-cut-after-2", "status-429-retry-after-7")
        yield upstream


@pytest.fixture
def upstream(gateway: LiveGateway, shared_upstream: Vendor) -> Vendor:
    shared_upstream.seen.clear()
    return shared_upstream


@pytest.fixture(params=[None, "v1beta"], ids=["v1", "v1beta"])
def client(gateway: LiveGateway, request: pytest.FixtureRequest) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=gateway.base_url, api_version=request.param, client_args={"trust_env": False})
    with genai.Client(api_key=gateway.key, http_options=options) as client:
        yield client


MODELS = pytest.mark.parametrize("model", ["genai/gemini", "genai/chat"])
WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather", description="d", parameters_json_schema={"type": "object", "properties": {"city": {"type": "string"}}}
        )
    ]
)


@MODELS
def test_answer_when_asked_for_is_whole(model: str, client: genai.Client, upstream: Vendor) -> None:
    config = types.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5, max_output_tokens=9)
    answer = client.models.generate_content(model=model, contents="hi", config=config)
    assert answer.text == "Hello there."
    assert answer.model_version == model
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    used = answer.usage_metadata
    assert used is not None
    assert (used.prompt_token_count, used.candidates_token_count, used.total_token_count) == (3, 2, 5)


@MODELS
def test_stream_when_asked_for_comes_in_pieces(model: str, client: genai.Client, upstream: Vendor) -> None:
    chunks = list(client.models.generate_content_stream(model=model, contents="hi"))
    assert "".join(chunk.text or "" for chunk in chunks) == "Hello there."
    assert {chunk.model_version for chunk in chunks} == {model}
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.total_token_count == 5


@MODELS
@pytest.mark.parametrize("stream", [False, True])
def test_tool_when_called_and_answered_leads_to_a_text(model: str, stream: bool, client: genai.Client, upstream: Vendor) -> None:
    config = types.GenerateContentConfig(tools=[WEATHER])

    def ask(contents: list[types.Content]) -> list[types.Part]:
        if stream:
            found = list(client.models.generate_content_stream(model=model, contents=contents, config=config))
        else:
            found = [client.models.generate_content(model=model, contents=contents, config=config)]
        choices = [choice for answer in found for choice in answer.candidates or ()]
        return [part for choice in choices if choice.content is not None for part in choice.content.parts or ()]

    contents = [types.Content(role="user", parts=[types.Part(text="weather?")])]
    (part,) = [part for part in ask(contents) if part.function_call is not None]
    assert part.function_call is not None
    assert (part.function_call.name, part.function_call.args) == ("weather", {"city": "Oslo"})
    response = types.FunctionResponse(id=part.function_call.id, name="weather", response={"result": "rain"})
    contents += [
        types.Content(role="model", parts=[part]),
        types.Content(role="user", parts=[types.Part(function_response=response)]),
    ]
    assert "".join(part.text or "" for part in ask(contents)) == "Hello there."
    if model == "genai/gemini":
        assert upstream.last.json["contents"][1]["parts"][0]["thoughtSignature"] == SIGNATURE
    else:
        roles = [message["role"] for message in upstream.last.json["messages"]]
        assert roles == ["user", "assistant", "tool"]


@MODELS
def test_chat_when_it_has_several_turns_keeps_them(model: str, client: genai.Client, upstream: Vendor) -> None:
    talk = client.chats.create(model=model)
    assert talk.send_message("hi").text == "Hello there."
    assert talk.send_message("and?").text == "Hello there."
    said_before = upstream.last.json.get("contents") or upstream.last.json["messages"]
    assert len(said_before) == 3


def test_count_when_asked_for_is_told(client: genai.Client, upstream: Vendor) -> None:
    assert client.models.count_tokens(model="genai/gemini", contents="hi").total_tokens == 7
    assert (client.models.count_tokens(model="genai/chat", contents="hi").total_tokens or 0) > 0


def test_embeddings_when_asked_for_are_told(client: genai.Client, upstream: Vendor) -> None:
    config = types.EmbedContentConfig(task_type="CLUSTERING", output_dimensionality=2)
    answer = client.models.embed_content(model="genai/embed", contents=["a", "b"], config=config)
    assert answer.embeddings is not None
    assert [item.values for item in answer.embeddings] == [[0.5, 1.5]] * 2
    sent = upstream.last.json["requests"]
    assert [(one["taskType"], one["outputDimensionality"]) for one in sent] == [("CLUSTERING", 2)] * 2


def test_models_when_listed_are_told(client: genai.Client, upstream: Vendor) -> None:
    names = [model.name for model in client.models.list(config={"page_size": 2})]
    assert {"models/genai/gemini", "models/genai/chat"} <= set(names)
    model = client.models.get(model="genai/gemini")
    assert model.name == "models/genai/gemini"
    assert model.supported_actions == ["generateContent", "countTokens"]


def test_error_when_it_comes_is_the_sdks(client: genai.Client, upstream: Vendor) -> None:
    with pytest.raises(errors.ClientError) as raised:
        client.models.generate_content(model="nobody", contents="hi")
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")
    assert "nobody" in str(raised.value.message)
    with pytest.raises(errors.ClientError) as raised:
        list(client.models.generate_content_stream(model="chaos/status-429-retry-after-7", contents="hi"))
    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_error_when_it_comes_in_a_stream_is_raised_after_what_was_said(client: genai.Client, upstream: Vendor) -> None:
    stream = client.models.generate_content_stream(model="chaos/stream-cut-after-2", contents="hi")
    assert next(stream).text
    with pytest.raises(errors.APIError) as raised:
        list(stream)
    assert raised.value.code >= 500


async def test_answer_when_asked_for_by_the_asynchronous_client_is_the_same(
    client: genai.Client, upstream: Vendor, gateway: LiveGateway
) -> None:
    options = types.HttpOptions(base_url=gateway.base_url, async_client_args={"trust_env": False})
    async with genai.Client(api_key=gateway.key, http_options=options).aio as other:
        answer = await other.models.generate_content(model="genai/gemini", contents="hi")
        assert answer.text == "Hello there."
        stream = await other.models.generate_content_stream(model="genai/chat", contents="hi")
        assert "".join([chunk.text or "" async for chunk in stream]) == "Hello there."


def test_schema_when_wanted_is_sent_in_the_upstreams_words(client: genai.Client, upstream: Vendor) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=schema)
    client.models.generate_content(model="genai/chat", contents="hi", config=config)
    wanted = upstream.last.json["response_format"]
    assert (wanted["type"], wanted["json_schema"]["schema"]) == ("json_schema", schema)
    client.models.generate_content(model="genai/gemini", contents="hi", config=config)
    assert upstream.last.json["generationConfig"]["responseJsonSchema"] == schema
    assert json.dumps(schema) in json.dumps(upstream.last.json)
