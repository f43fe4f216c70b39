"""Can people build against the offline demo? It answers as OpenAI does: tools, structured output, reasoning, streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests.live import LiveGateway

WEATHER: Any = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 3},
        "near": {"type": "array", "items": {"$ref": "#/$defs/place"}, "minItems": 2},
    },
    "required": ["city", "unit"],
    "$defs": {"place": {"type": "object", "properties": {"lat": {"type": "number"}, "inside": {"$ref": "#/$defs/place"}}}},
}
TOOL: Any = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
OTHER: Any = {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}}
CUSTOM: Any = {"type": "custom", "custom": {"name": "shell"}}
ASKED: Any = [{"role": "user", "content": "What is the weather in Rome?"}]


class Recipe(BaseModel):
    """What structured output is asked for."""

    title: str
    minutes: int
    steps: list[str]
    note: str | None


@pytest.fixture(scope="module", autouse=True)
def demo(shared_gateway: LiveGateway) -> None:
    shared_gateway.operator.define([{"name": "offline", "type": "dummy"}], [])
    route = [{"upstream_model": "echo", "provider": "offline"}]
    shared_gateway.define_models({"demo": route, "gpt-5-demo": route}, capabilities=["chat", "responses"])


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.base_url}/v1", api_key=gateway.key, timeout=10, max_retries=0) as made:
        yield made


def test_tools_when_given_are_called_and_their_results_are_read(client: OpenAI) -> None:
    first = client.chat.completions.create(model="demo", messages=ASKED, tools=[TOOL])
    (choice,) = first.choices
    assert (choice.finish_reason, choice.message.content, choice.message.refusal) == ("tool_calls", None, None)
    (call,) = choice.message.tool_calls or []
    assert call.type == "function"
    assert json.loads(call.function.arguments).items() >= {"city": ASKED[0]["content"], "unit": "celsius", "days": 3}.items()
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "24 degrees"}
    said: Any = [*ASKED, choice.message.model_dump(exclude_none=True), result]
    second = client.chat.completions.create(model="demo", messages=said, tools=[TOOL])
    assert second.choices[0].message.content == "The tool said: 24 degrees"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("auto", "get_weather"),
        ("required", "get_weather"),
        ("none", None),
        ({"type": "function", "function": {"name": "other"}}, "other"),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "shell"}}]},
            },
            "shell",
        ),
    ],
)
def test_tool_when_the_request_chooses_is_that_one(client: OpenAI, choice: Any, called: str | None) -> None:
    answer = client.chat.completions.create(model="demo", messages=ASKED, tools=[TOOL, OTHER, CUSTOM], tool_choice=choice)
    made = answer.choices[0].message.tool_calls
    names = [call.function.name if call.type == "function" else call.custom.name for call in made or []]
    assert names == ([called] if called else [])


def test_tools_when_streamed_are_those_of_the_whole_answer(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="demo", messages=ASKED, tools=[TOOL]).choices[0].message.tool_calls or []
    with client.chat.completions.stream(model="demo", messages=ASKED, tools=[TOOL]) as stream:
        final = stream.get_final_completion()
    (streamed,) = final.choices[0].message.tool_calls or []
    assert whole[0].type == "function"
    assert streamed.function.arguments == whole[0].function.arguments
    assert final.choices[0].finish_reason == "tool_calls"


def test_structured_output_when_asked_for_fits_the_schema(client: OpenAI) -> None:
    answer = client.chat.completions.parse(model="demo", messages=ASKED, response_format=Recipe)
    parsed = answer.choices[0].message.parsed
    assert parsed is not None
    assert parsed.title == "You said: What is the weather in Rome?"
    response = client.responses.parse(model="demo", input="soup", text_format=Recipe)
    assert response.output_parsed is not None


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_when_asked_for_is_told_and_counted(client: OpenAI, stream: bool) -> None:
    asked: Any = {"model": "demo", "input": "hi", "reasoning": {"effort": "low", "summary": "auto"}}
    if stream:
        with client.responses.stream(**asked) as events:
            response: Any = events.get_final_response()
    else:
        response = client.responses.create(**asked)
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.usage is not None
    assert response.usage.output_tokens_details.reasoning_tokens > 0
    plain = client.responses.create(model="demo", input="hi")
    assert [item.type for item in plain.output] == ["message"]


def test_choices_and_limits_when_asked_for_are_kept(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="demo", messages=ASKED, n=2, max_completion_tokens=3, logprobs=True)
    assert [choice.finish_reason for choice in answer.choices] == ["length", "length"]
    assert answer.choices[1].message.content == "You said: What "
    assert answer.choices[0].logprobs is not None
    assert len(answer.choices[0].logprobs.content or []) == 3
