"""Do the vendors' own SDKs work unmodified with every kind of upstream? Words, streams, tools, and errors as their clients raise
them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import anthropic
import ollama
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google

from tests.live import LiveGateway
from tests.matrix.players import UPSTREAMS, Played, Players
from tests.matrix.situations import CITY, REFUSAL, SITUATIONS, Tell

MODEL = "sdk-{}"
WANTED = "How is the weather?"
FUNCTION = {"name": "get_weather", "description": "Tells the weather of a city.", "parameters": CITY}
Calls = list[tuple[str, Any]]


class Heard(NamedTuple):
    """What a client has of an answer."""

    text: str
    calls: Calls
    input_tokens: int | None
    output_tokens: int | None


class Sdk(NamedTuple):
    """`ask` sends a request, streamed or not, with or without a tool; `refusal` is what it raises for a 400."""

    ask: Callable[[LiveGateway, str, bool, bool], Heard]
    refusal: type[Exception]


def chat(gateway: LiveGateway, model: str, stream: bool, tools: bool) -> Heard:
    more: Any = {"tools": [{"type": "function", "function": FUNCTION}]} if tools else {}
    with openai.OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        if stream:
            with client.chat.completions.stream(
                model=model, messages=[{"role": "user", "content": WANTED}], stream_options={"include_usage": True}, **more
            ) as events:
                done: Any = events.get_final_completion()
        else:
            done = client.chat.completions.create(model=model, messages=[{"role": "user", "content": WANTED}], **more)
    message = done.choices[0].message
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    return Heard(message.content or "", calls, done.usage.prompt_tokens, done.usage.completion_tokens)


def responses(gateway: LiveGateway, model: str, stream: bool, tools: bool) -> Heard:
    more: Any = {"tools": [{"type": "function", "strict": True, **FUNCTION}]} if tools else {}
    with openai.OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        if stream:
            with client.responses.stream(model=model, input=WANTED, **more) as events:
                done: Any = events.get_final_response()
        else:
            done = client.responses.create(model=model, input=WANTED, **more)
    calls = [(item.name, item.arguments) for item in done.output if item.type == "function_call"]
    return Heard(done.output_text, calls, done.usage.input_tokens, done.usage.output_tokens)


def messages(gateway: LiveGateway, model: str, stream: bool, tools: bool) -> Heard:
    tool = {"name": FUNCTION["name"], "description": FUNCTION["description"], "input_schema": CITY}
    more: Any = {"tools": [tool]} if tools else {}
    wanted: Any = [{"role": "user", "content": WANTED}]
    with anthropic.Anthropic(api_key=gateway.key, base_url=gateway.base_url, max_retries=0) as client:
        if stream:
            with client.messages.stream(model=model, max_tokens=500, messages=wanted, **more) as events:
                done = events.get_final_message()
        else:
            done = client.messages.create(model=model, max_tokens=500, messages=wanted, **more)
    text = "".join(block.text for block in done.content if block.type == "text")
    calls = [(block.name, block.input) for block in done.content if block.type == "tool_use"]
    usage = done.usage
    given = usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return Heard(text, calls, given, usage.output_tokens)


def generate(gateway: LiveGateway, model: str, stream: bool, tools: bool) -> Heard:
    declared = google.FunctionDeclaration(
        name="get_weather", description="Tells the weather of a city.", parameters_json_schema=CITY
    )
    config = google.GenerateContentConfig(
        tools=[google.Tool(function_declarations=[declared])] if tools else None,
        automatic_function_calling=google.AutomaticFunctionCallingConfig(disable=True),
    )
    client = genai.Client(api_key=gateway.key, http_options=google.HttpOptions(base_url=gateway.base_url))
    if stream:
        chunks = list(client.models.generate_content_stream(model=model, contents=WANTED, config=config))
    else:
        chunks = [client.models.generate_content(model=model, contents=WANTED, config=config)]
    contents = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
    parts = [part for content in contents if content for part in content.parts or ()]
    text = "".join(part.text or "" for part in parts if not part.thought)
    calls = [(part.function_call.name or "", part.function_call.args) for part in parts if part.function_call]
    usage = next(chunk.usage_metadata for chunk in reversed(chunks) if chunk.usage_metadata)
    made = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Heard(text, calls, usage.prompt_token_count, made)


def local(gateway: LiveGateway, model: str, stream: bool, tools: bool) -> Heard:
    more: Any = {"tools": [{"type": "function", "function": FUNCTION}]} if tools else {}
    more["stream"] = stream
    with ollama.Client(host=gateway.base_url, headers=gateway.headers(), trust_env=False) as client:
        answer: Any = client.chat(model=model, messages=[{"role": "user", "content": WANTED}], **more)
        lines = list(answer) if stream else [answer]
    text = "".join(line.message.content or "" for line in lines)
    calls = [(call.function.name, call.function.arguments) for line in lines for call in line.message.tool_calls or ()]
    assert lines[-1].done
    return Heard(text, calls, lines[-1].prompt_eval_count, lines[-1].eval_count)


SDKS = {
    "openai, chat": Sdk(chat, openai.BadRequestError),
    "openai, responses": Sdk(responses, openai.BadRequestError),
    "anthropic": Sdk(messages, anthropic.BadRequestError),
    "google-genai": Sdk(generate, google_errors.ClientError),
    "ollama": Sdk(local, ollama.ResponseError),
}


@pytest.fixture(scope="module")
def play(shared_gateway: LiveGateway) -> Iterator[Callable[[str], Played]]:
    with ExitStack() as running:
        players = Players(shared_gateway, running)
        yield lambda name: players.start(name, [MODEL.format(name)])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("sdk", SDKS)
def test_sdk_when_it_asks_any_kind_of_upstream_hears_words_and_calls(
    gateway: LiveGateway, play: Callable[[str], Played], sdk: str, upstream: str, stream: bool
) -> None:
    at, ask = play(upstream), SDKS[sdk].ask
    for name in ("text", "text before a call", "parallel tools"):
        at.situation, at.stream = SITUATIONS[name], stream
        tell = at.situation.tell
        heard = ask(gateway, MODEL.format(upstream), stream, bool(tell.calls))
        assert heard.text == tell.text
        assert [(called, _arguments(given)) for called, given in heard.calls] == _called(tell)
        assert (heard.input_tokens, heard.output_tokens) == (tell.input, tell.output)


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("sdk", SDKS)
def test_sdk_when_the_upstream_refuses_raises_its_own_error_with_the_upstreams_words(
    gateway: LiveGateway, play: Callable[[str], Played], sdk: str, upstream: str
) -> None:
    at = play(upstream)
    at.situation, at.stream = SITUATIONS["refused"], False
    with pytest.raises(SDKS[sdk].refusal, match=REFUSAL[:20]):
        SDKS[sdk].ask(gateway, MODEL.format(upstream), False, False)


def _called(tell: Tell) -> Calls:
    return [(call.name, dict(call.arguments)) for call in tell.calls]


def _arguments(given: Any) -> dict[str, Any]:
    """OpenAI's SDK gives text, all others an object."""
    return dict(json.loads(given)) if isinstance(given, str) else dict(given)
