"""Do signatures of Gemini's calls come back to it through clients of every dialect, and nobody else's?

The upstream refuses a call without its own signature, as Gemini 3 does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from anthropic import Anthropic
from google.genai import Client, types
from openai import OpenAI

from tests.fakes.vendor import Said, Seen, Vendor, events, said, vendor
from tests.live import LiveGateway

Json = dict[str, Any]
MODEL = "gemini-3.6-flash"
PATH = f"/v1beta/models/{MODEL}"
SIGNATURE = "c2lnbmVkK2J5L2dlbWluaQ=="
NAME = "signing/flash"
ASKED = "What is the weather in Bern?"
PARAMETERS: Json = {"type": "object", "properties": {"city": {"type": "string"}}}
CALL: Json = {"functionCall": {"name": "weather", "args": {"city": "Bern"}}, "thoughtSignature": SIGNATURE}


def response(*parts: Json) -> Json:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 10}
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": MODEL, "responseId": "r-1"}


def answer(seen: Seen) -> Said:
    """A call, or what came of it if the call stands there with its signature, and its result with its name."""
    contents: list[Json] = seen.json["contents"]
    calls = [part for content in contents for part in content["parts"] if "functionCall" in part]
    results = [part["functionResponse"] for content in contents for part in content["parts"] if "functionResponse" in part]
    if not calls:
        made = response(CALL)
    elif [part.get("thoughtSignature") for part in calls] != [SIGNATURE] or [one["name"] for one in results] != ["weather"]:
        message = "Function call is missing a thought_signature in functionCall parts."
        return said([{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}], 400)
    else:
        made = response({"text": results[0]["response"]["output"]})
    if "stream" not in seen.path:
        return said(made)
    parts = made["candidates"][0]["content"]["parts"]
    return events(response(*parts), response({"text": ""}))


@pytest.fixture(scope="module")
def shared_upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    answers = {f"{PATH}:generateContent": answer, f"{PATH}:streamGenerateContent?alt=sse": answer}
    with vendor(answers) as upstream:
        shared_gateway.define_at("gemini", upstream.base, {NAME: (MODEL, ["chat", "responses"])}, name="signing")
        yield upstream


def by_chat(gateway: LiveGateway, *, stream: bool) -> str:
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
    messages: list[Any] = [{"role": "user", "content": ASKED}]
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        for _ in range(2):
            message: Any
            if stream:
                with client.chat.completions.stream(model=NAME, messages=messages, tools=tools) as told:
                    message = told.get_final_completion().choices[0].message
            else:
                message = client.chat.completions.create(model=NAME, messages=messages, tools=tools).choices[0].message
            if not message.tool_calls:
                return message.content or ""
            messages.append(message.model_dump(exclude_none=True))
            messages.append({"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "rain"})
    return ""


def by_responses(gateway: LiveGateway, *, stream: bool) -> str:
    tools: Any = [{"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}]
    items: list[Any] = [{"role": "user", "content": ASKED}]
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        for _ in range(2):
            asked: Any = {
                "model": NAME,
                "input": items,
                "tools": tools,
                "store": False,
                "include": ["reasoning.encrypted_content"],
            }
            if stream:
                with client.responses.stream(**asked) as told:
                    made = told.get_final_response()
            else:
                made = client.responses.create(**asked)
            calls = [item for item in made.output if item.type == "function_call"]
            if not calls:
                return made.output_text
            items += [item.model_dump(exclude_none=True) for item in made.output]
            items.append({"type": "function_call_output", "call_id": calls[0].call_id, "output": "rain"})
    return ""


def by_messages(gateway: LiveGateway, *, stream: bool) -> str:
    tools: Any = [{"name": "weather", "input_schema": PARAMETERS}]
    messages: list[Any] = [{"role": "user", "content": ASKED}]
    with Anthropic(api_key=gateway.key, base_url=gateway.base_url, max_retries=0) as client:
        for _ in range(2):
            asked: Any = {"model": NAME, "max_tokens": 512, "messages": messages, "tools": tools}
            if stream:
                with client.messages.stream(**asked) as told:
                    made = told.get_final_message()
            else:
                made = client.messages.create(**asked)
            calls = [block for block in made.content if block.type == "tool_use"]
            if not calls:
                return "".join(block.text for block in made.content if block.type == "text")
            messages.append({"role": "assistant", "content": made.content})
            result = {"type": "tool_result", "tool_use_id": calls[0].id, "content": "rain"}
            messages.append({"role": "user", "content": [result]})
    return ""


def by_gemini(gateway: LiveGateway, *, stream: bool) -> str:
    declared = types.FunctionDeclaration(name="weather", parameters_json_schema=PARAMETERS)
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])])
    contents: list[Any] = [types.Content(role="user", parts=[types.Part(text=ASKED)])]
    client = Client(api_key=gateway.key, http_options=types.HttpOptions(base_url=gateway.base_url))
    for _ in range(2):
        if stream:
            told = [*client.models.generate_content_stream(model=NAME, contents=contents, config=config)]
            parts = [part for one in told for part in (one.parts or ()) if part.text != ""]
        else:
            parts = list(client.models.generate_content(model=NAME, contents=contents, config=config).parts or ())
        if not any(part.function_call for part in parts):
            return "".join(part.text or "" for part in parts)
        contents.append(types.Content(role="model", parts=parts))
        contents.append(
            types.Content(role="user", parts=[types.Part.from_function_response(name="weather", response={"output": "rain"})])
        )
    return ""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("ask", [by_chat, by_responses, by_messages, by_gemini], ids=["chat", "responses", "messages", "gemini"])
def test_call_when_its_result_comes_back_then_gemini_sees_its_own_signature(
    ask: Callable[..., str], stream: bool, gateway: LiveGateway, shared_upstream: Vendor
) -> None:
    assert ask(gateway, stream=stream) == "rain"
