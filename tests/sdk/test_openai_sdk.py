"""Does the openai SDK work against the gateway as it does against OpenAI: sync and async, whole and streamed, good and bad?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.fakes.chaos.process import eventually
from tests.live import PROVIDER_KEY, LiveGateway

MODEL = "team/gpt-test"
"""Has a dead route first; a target that fails often is left alone, so only the tests about that use it."""
PLAIN = "chaos/ok"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
TEXT = "Hello from chaos."

CATALOG = """
[models."team/gpt-test"]
routing = ["dead", "living"]
endpoints = ["chat"]

[models."team/gpt-test".providers.dead]
type = "openai"
model_name = "ok"
api_base = "{dead}"
api_key_location = {{ env = "{variable}" }}

[models."team/gpt-test".providers.living]
type = "openai"
model_name = "ok"
api_base = "{living}"
api_key_location = "env::{variable}"

[models.dead-only]
routing = ["dead"]
fallback_models = ["chaos/ok"]

[models.dead-only.providers.dead]
type = "openai"
model_name = "ok"
api_base = "{dead}"
api_key_location = "none"
"""


@pytest.fixture(scope="module", autouse=True)
def catalog(shared_gateway: LiveGateway, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An imported configuration file, and models for what can go wrong."""
    failing = (
        "status-400",
        "status-422",
        "status-429",
        "status-503",
        "status-500",
        "status-401",
        "stream-cut-after-3",
        "stream-empty",
    )
    shared_gateway.define(*failing, "ok", "stream-tool-calls", "ok-tools", "echo", "stream-reasoning", "stream-paced-20ms-200")
    file: Path = tmp_path_factory.mktemp("catalog") / "models.toml"
    places = {"dead": shared_gateway.dead_url, "living": shared_gateway.chaos.base_url, "variable": shared_gateway.KEY_VARIABLE}
    file.write_text(CATALOG.format(**places))
    shared_gateway.operator.command("import_config", str(file))
    shared_gateway.wait_visible(MODEL, "dead-only")


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.base_url}/v1", api_key=gateway.key, timeout=10) as made:
        yield made


@pytest.fixture
async def async_client(gateway: LiveGateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{gateway.base_url}/v1", api_key=gateway.key, timeout=10) as made:
        yield made


def test_chat_when_the_first_route_is_dead_answers_and_counts_two_attempts(client: OpenAI, gateway: LiveGateway) -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
    completion = raw.parse()
    assert completion.choices[0].message.content == TEXT
    assert (completion.model, raw.headers["x-gateway-attempts"]) == (MODEL, "2")
    assert completion.usage is not None
    assert completion.usage.total_tokens == 14
    assert completion._request_id == raw.headers["x-request-id"]
    seen = gateway.chaos.log()
    assert len(seen) == 1
    assert ["authorization", f"Bearer {PROVIDER_KEY}"] in seen[0]["headers"]


def test_stream_when_the_first_route_is_dead_answers_and_counts_two_attempts(client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(model=MODEL, messages=MESSAGES, stream=True) as raw:
        assert raw.headers["x-gateway-attempts"] == "2"
        chunks = list(raw.parse())
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert {chunk.model for chunk in chunks} == {MODEL}
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"
    assert {chunk.usage for chunk in chunks} == {None}


def test_stream_when_usage_is_asked_for_ends_with_it(client: OpenAI) -> None:
    stream = client.chat.completions.create(model=PLAIN, messages=MESSAGES, stream=True, stream_options={"include_usage": True})
    last = list(stream)[-1]
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (11, 3)


async def test_async_chat_and_stream_when_asked_at_once_answer_all(async_client: AsyncOpenAI) -> None:
    async def streamed() -> str:
        stream = await async_client.chat.completions.create(model="dead-only", messages=MESSAGES, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def whole() -> str | None:
        return (await async_client.chat.completions.create(model="dead-only", messages=MESSAGES)).choices[0].message.content

    assert await asyncio.gather(*[streamed() for _ in range(10)], *[whole() for _ in range(10)]) == [TEXT] * 20


def test_fallback_model_when_the_routes_are_dead_answers_under_the_asked_name(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="dead-only", messages=MESSAGES)
    assert raw.parse().model == "dead-only"
    assert raw.headers["x-gateway-model"] == PLAIN


def test_models_when_listed_and_retrieved_are_model_objects(client: OpenAI, gateway: LiveGateway) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {MODEL, "dead-only"} <= set(listed)
    one = client.models.retrieve(MODEL)
    assert one == listed[MODEL]
    assert (one.id, one.object) == (MODEL, "model")
    assert isinstance(one.created, int)
    assert isinstance(one.owned_by, str)
    with pytest.raises(openai.NotFoundError) as failure:
        client.models.retrieve("team/nope")
    assert failure.value.code == "model_not_found"
    assert gateway.chaos.log() == []


async def test_async_models_when_listed_and_retrieved_are_the_same(async_client: AsyncOpenAI, client: OpenAI) -> None:
    assert [model async for model in async_client.models.list()] == list(client.models.list())
    assert await async_client.models.retrieve(MODEL) == client.models.retrieve(MODEL)


FAILURES = [
    ("nope", openai.NotFoundError, "model_not_found", "model"),
    ("chaos/status-400", openai.BadRequestError, "invalid_value", "temperature"),
    ("chaos/status-422", openai.UnprocessableEntityError, "unprocessable", "messages"),
    ("chaos/status-429", openai.RateLimitError, "upstream_rate_limited", None),
    ("chaos/status-401", openai.InternalServerError, "upstream_auth_failed", None),
    ("chaos/status-500", openai.InternalServerError, "upstream_server_error", None),
    ("chaos/status-503", openai.InternalServerError, "upstream_overloaded", None),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "kind", "code", "param"), FAILURES)
def test_failure_when_before_the_first_byte_is_the_sdks_own_exception(
    client: OpenAI, model: str, kind: type[openai.APIStatusError], code: str, param: str | None, stream: bool
) -> None:
    once = client.with_options(max_retries=0)
    with pytest.raises(kind) as failure:
        once.chat.completions.create(model=model, messages=MESSAGES, stream=stream)
    assert (failure.value.code, failure.value.param) == (code, param)
    assert failure.value.request_id
    assert failure.value.type


def test_key_when_wrong_is_an_authentication_error(gateway: LiveGateway) -> None:
    with OpenAI(base_url=f"{gateway.base_url}/v1", api_key="sk-wrong") as client:
        with pytest.raises(openai.AuthenticationError) as failure:
            client.chat.completions.create(model=PLAIN, messages=MESSAGES)
        assert failure.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError):
            client.models.list()


@pytest.mark.parametrize("model", ["chaos/status-503", "chaos/status-500", "chaos/status-401"])
def test_sdk_when_the_gateway_has_tried_all_does_not_retry(client: OpenAI, gateway: LiveGateway, model: str) -> None:
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model=model, messages=MESSAGES)
    assert len(gateway.chaos.log()) == 1


def test_stream_when_it_breaks_raises_after_the_words_that_came(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="chaos/stream-cut-after-3", messages=MESSAGES, stream=True)
    assert [next(stream).choices[0].delta.content for _ in range(3)] == ["", "word0 ", "word1 "]
    with pytest.raises(openai.APIError) as failure:
        next(stream)
    assert failure.value.code == "upstream_stream_truncated"


def test_stream_when_empty_is_a_502_not_an_empty_answer(client: OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as failure:
        client.with_options(max_retries=0).chat.completions.create(model="chaos/stream-empty", messages=MESSAGES, stream=True)
    assert failure.value.status_code == 502


def test_stream_when_left_early_closes_the_upstream(client: OpenAI, gateway: LiveGateway) -> None:
    with client.chat.completions.create(model="chaos/stream-paced-20ms-200", messages=MESSAGES, stream=True) as stream:
        for _, chunk in zip(range(3), stream, strict=False):
            assert chunk.choices
    assert gateway.chaos.wait_state("client_closed")["ms"] < 2000


async def test_async_call_when_cancelled_closes_the_upstream(async_client: AsyncOpenAI, gateway: LiveGateway) -> None:
    task = asyncio.create_task(async_client.chat.completions.create(model="chaos/stream-paced-20ms-200", messages=MESSAGES))
    assert await asyncio.to_thread(eventually, gateway.chaos.log, 2.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gateway.chaos.wait_state("client_closed")["ms"] < 2000


def test_tool_calls_when_whole_or_streamed_are_the_sdks_objects(client: OpenAI) -> None:
    message = client.chat.completions.create(model="chaos/ok-tools", messages=MESSAGES).choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].to_dict()["function"] == {"name": "f", "arguments": '{"model": "in arguments"}'}
    with client.chat.completions.stream(model="chaos/stream-tool-calls", messages=MESSAGES) as stream:
        final = stream.get_final_completion().choices[0]
    assert final.finish_reason == "tool_calls"
    assert final.message.tool_calls is not None
    assert final.message.tool_calls[0].function.arguments == '{"city": "Köln"}'


def test_field_when_unknown_to_the_sdk_goes_upstream_and_comes_back(client: OpenAI, gateway: LiveGateway) -> None:
    extra: dict[str, Any] = {"reasoning_budget": 1.5, "nested": {"a": [None]}}
    completion = client.chat.completions.create(model="chaos/echo", messages=MESSAGES, extra_body=extra, seed=7)
    assert completion.to_dict()["x_vendor"] == {"price": 1.5, "note": "grüße"}
    sent = gateway.chaos.bodies()[0]
    assert {name: sent[name] for name in ("reasoning_budget", "nested", "seed")} == {**extra, "seed": 7}
    delta = (
        next(iter(client.chat.completions.create(model="chaos/stream-reasoning", messages=MESSAGES, stream=True)))
        .choices[0]
        .delta
    )
    assert delta.to_dict()["reasoning_content"] == "Hm."
