"""Does Ollama's own Python library work unmodified, with another vendor and with an Ollama server behind the gateway?"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import ollama
import pytest
from pydantic import BaseModel

from tests.contract.examples import PNG
from tests.fakes import ollama as fake
from tests.fakes.vendor import Seen, Vendor, said, vendor
from tests.live import LiveGateway

ASKED = [{"role": "user", "content": "What day is it?"}]
MODELS = ("other", "native")


def get_weather(city: str) -> str:
    """Tells the weather of a city.

    Args:
        city: The name of the city.
    """
    return f"It rains in {city}."


class Day(BaseModel):
    """What structured output is asked for."""

    name: str
    number: int


def embedded(seen: Seen) -> Any:
    texts = seen.json["input"]
    rows = [texts] if isinstance(texts, str) else texts
    data = [{"object": "embedding", "index": at, "embedding": [0.5, -0.25]} for at, _ in enumerate(rows)]
    return said({"object": "list", "data": data, "model": "e", "usage": {"prompt_tokens": 4, "total_tokens": 4}})


@pytest.fixture(scope="module")
def server(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    able = ("chat", "embedding")
    with vendor({**fake.ANSWERS, "/v1/embeddings": embedded}) as upstream:
        shared_gateway.define_at("ollama_native", upstream.base, {"native": (fake.MODEL, able)}, name="sdk-ollama")
        shared_gateway.define_at(
            "openai_compatible", f"{upstream.base}/v1", {"vectors": ("e", ["embedding"])}, name="sdk-vectors"
        )
        shared_gateway.operator.define([{"name": "offline", "type": "dummy"}], [])
        shared_gateway.define_models(
            {"other": [{"upstream_model": "echo", "provider": "offline"}]}, capabilities=["chat"], context_length=8192
        )
        shared_gateway.define("stream-error-after-2", "status-429-retry-after-7")
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway, server: Vendor) -> Iterator[ollama.Client]:
    server.seen.clear()
    with ollama.Client(host=gateway.base_url, headers=gateway.headers(), timeout=15, trust_env=False) as made:
        yield made


@pytest.fixture
async def async_client(gateway: LiveGateway, server: Vendor) -> AsyncIterator[ollama.AsyncClient]:
    async with ollama.AsyncClient(host=gateway.base_url, headers=gateway.headers(), timeout=15, trust_env=False) as made:
        yield made


@pytest.mark.parametrize("model", MODELS)
def test_chat_when_whole_has_words_counts_and_durations(client: ollama.Client, model: str) -> None:
    answer = client.chat(model, ASKED, options={"num_predict": 50, "temperature": 0}, keep_alive="5m")
    assert answer.message.content
    assert (answer.model, answer.done, answer.done_reason) == (model, True, "stop")
    assert answer.total_duration
    assert answer.eval_count
    assert answer.eval_duration


@pytest.mark.parametrize("model", MODELS)
def test_chat_when_streamed_adds_up_to_the_same_words(client: ollama.Client, model: str) -> None:
    whole = client.chat(model, ASKED)
    parts = list(client.chat(model, ASKED, stream=True))
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count


@pytest.mark.parametrize("model", MODELS)
async def test_async_client_when_it_streams_hears_the_same(async_client: ollama.AsyncClient, model: str) -> None:
    parts = [part async for part in await async_client.chat(model, ASKED, stream=True)]
    assert "".join(part.message.content or "" for part in parts)
    assert parts[-1].done


def test_tools_when_given_as_functions_are_called_and_their_results_taken(client: ollama.Client) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Rome?"}]
    answer = client.chat("other", messages, tools=[get_weather])
    (call,) = answer.message.tool_calls or ()
    assert call.function.name == "get_weather"
    result = get_weather(**call.function.arguments)
    messages += [answer.message, {"role": "tool", "content": result, "tool_name": call.function.name}]
    assert client.chat("other", messages, tools=[get_weather]).message.content


def test_schema_when_given_as_format_is_kept(client: ollama.Client) -> None:
    answer = client.chat("other", ASKED, format=Day.model_json_schema())
    assert set(Day.model_validate_json(answer.message.content or "").model_dump()) == {"name", "number"}


def test_images_when_given_as_bytes_reach_the_upstream_as_base64(client: ollama.Client, server: Vendor) -> None:
    message = ollama.Message(role="user", content="What is this?", images=[ollama.Image(value=PNG)])
    assert client.chat("native", [message]).message.content
    assert server.last.json["messages"][0]["images"] == [base64.b64encode(PNG).decode()]
    assert client.chat("other", [message]).message.content


@pytest.mark.parametrize("model", MODELS)
def test_generate_when_asked_has_a_response(client: ollama.Client, model: str) -> None:
    assert client.generate(model, "What day is it?", system="Be brief.").response
    parts = list(client.generate(model, "What day is it?", stream=True))
    assert "".join(part.response or "" for part in parts)
    assert parts[-1].done


@pytest.mark.parametrize("model", ["native", "vectors"])
def test_embed_when_asked_has_a_vector_for_each_text(client: ollama.Client, model: str) -> None:
    answer = client.embed(model, ["a", "b"], truncate=True)
    assert len(answer.embeddings) == 2
    assert answer.prompt_eval_count
    assert client.embeddings(model, "a").embedding


def test_models_when_listed_and_shown_are_described(client: ollama.Client, server: Vendor) -> None:
    listed = {model.model: model for model in client.list().models}
    assert {"native:latest", "other:latest", "vectors:latest"} <= listed.keys()
    assert listed["other:latest"].modified_at
    shown = client.show("other:latest")
    assert "completion" in (shown.capabilities or ())
    assert 8192 in (shown.modelinfo or {}).values()
    assert shown.details
    assert client.ps().models == []


def test_errors_when_raised_have_the_status_and_the_words(client: ollama.Client) -> None:
    for ask, status in (
        (lambda: client.chat("nobody", ASKED), 404),
        (lambda: client.show("nobody"), 404),
        (lambda: client.pull("llama3"), 501),
        (lambda: client.delete("other"), 501),
        (lambda: client.chat("chaos/status-429-retry-after-7", ASKED), 429),
        (lambda: client.generate("other", "a", raw=True), 400),
    ):
        with pytest.raises(ollama.ResponseError) as raised:
            ask()
        assert raised.value.status_code == status
        assert raised.value.error


def test_stream_when_it_breaks_raises_after_what_was_said(client: ollama.Client) -> None:
    heard: list[str] = []
    parts = client.chat("chaos/stream-error-after-2", ASKED, stream=True)
    with pytest.raises(ollama.ResponseError):
        heard.extend(part.message.content or "" for part in parts)
    assert "".join(heard)


def test_client_without_a_key_is_refused(gateway: LiveGateway, server: Vendor) -> None:
    with ollama.Client(host=gateway.base_url, trust_env=False) as stranger, pytest.raises(ollama.ResponseError) as raised:
        stranger.list()
    assert raised.value.status_code == 401
