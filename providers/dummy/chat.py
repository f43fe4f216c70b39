"""What does the offline provider say in chat? The user's last words, a call of a tool, JSON that fits a schema, as OpenAI does.

Format: OpenAI's OpenAPI document of August 2026, `/chat/completions`; `reasoning_content` as DeepSeek has it, which clients of
reasoning models read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from providers.dummy.request import fields_of_call, read
from providers.dummy.sample import sample_of
from providers.types import Call

GREETING = "Hello from Signalbox."
THOUGHT = "The user wrote something, and I say it back."
END = b"data: [DONE]\n\n"
MOST_CHOICES = 16
Json = dict[str, Any]


class _Message(msgspec.Struct):
    role: str = ""
    content: Any = ""


class _Asked(msgspec.Struct):
    """The fields that change the answer."""

    messages: list[_Message] = []
    tools: list[Json] | None = None
    tool_choice: Any = None
    functions: list[Json] | None = None
    function_call: Any = None
    response_format: Json | None = None
    reasoning_effort: str | None = None
    reasoning: Json | None = None
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool | None = None


class _Answer(msgspec.Struct):
    """One choice, before it is told whole or in pieces."""

    text: str | None = None
    tool: Json | None = None
    function: Json | None = None
    thought: str = ""
    finish: str = "stop"


def event(value: Any) -> bytes:
    """One server-sent event."""
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def pieces(text: str) -> list[str]:
    """The words of a text, each with the white space behind it."""
    return re.findall(r"\s*\S+\s*", text)


def chat(call: Call, model: str) -> Json:
    """The whole answer."""
    asked = read(fields_of_call(call), _Asked)
    answer = _answer(asked)
    choice = {"message": _message(answer), "finish_reason": answer.finish, "logprobs": _logprobs(asked, answer)}
    choices = [{"index": number, **choice} for number in range(_choices(asked))]
    return {**_frame(call, "chat.completion", model), "choices": choices, "usage": _usage(call, answer, len(choices))}


def chat_events(call: Call, model: str) -> tuple[Iterator[bytes], bytes]:
    """The events with words or pieces of a tool call, and those at the end."""
    asked = read(fields_of_call(call), _Asked)
    answer, count = _answer(asked), _choices(asked)
    frame = _frame(call, "chat.completion.chunk", model)

    def chunk(number: int, delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": number, "delta": delta, "finish_reason": finish, "logprobs": None}
        return event({**frame, "choices": [choice]})

    deltas = (chunk(number, delta) for delta in _deltas(answer) for number in range(count))
    ends = b"".join(chunk(number, {}, answer.finish) for number in range(count))
    return deltas, ends + event({**frame, "choices": [], "usage": _usage(call, answer, count)}) + END


def _answer(asked: _Asked) -> _Answer:
    last = asked.messages[-1] if asked.messages else _Message()
    thought = THOUGHT if _thinks(asked) else ""
    said = _said(asked)
    if last.role not in ("tool", "function"):
        if tool := _tool(asked):
            return _Answer(tool=_tool_call(tool, said), thought=thought, finish="tool_calls")
        if function := _function(asked):
            return _Answer(function=_called(function, said), thought=thought, finish="function_call")
        text = _formatted(asked, said)
    else:
        text = f"The tool said: {_text_of(last.content)}"
    limit = asked.max_completion_tokens or asked.max_tokens
    words = pieces(text)
    if limit is not None and 0 < limit < len(words):
        return _Answer("".join(words[:limit]), thought=thought, finish="length")
    return _Answer(text, thought=thought)


def _thinks(asked: _Asked) -> bool:
    return bool(asked.reasoning) or asked.reasoning_effort not in (None, "none")


def _choices(asked: _Asked) -> int:
    return min(max(asked.n or 1, 1), MOST_CHOICES)


def _said(asked: _Asked) -> str:
    """The last words of the user, "" if there are none."""
    said = [message.content for message in asked.messages if message.role == "user"]
    return _text_of(said[-1]) if said else ""


def _text_of(content: Any) -> str:
    """The text of a message, whose content may be a list of parts."""
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return " ".join(text for text in texts if isinstance(text, str) and text)


def echo(said: str) -> str:
    """What is answered to these words."""
    return f"You said: {said}" if said else GREETING


def _formatted(asked: _Asked, said: str) -> str:
    """The text, or JSON where the request wants some."""
    wanted = asked.response_format or {}
    if wanted.get("type") == "json_schema":
        described = wanted.get("json_schema")
        schema = described.get("schema", {}) if isinstance(described, Mapping) else {}
        return _encoded(sample_of(schema, echo(said)))
    if wanted.get("type") == "json_object":
        return _encoded({"message": echo(said)})
    return echo(said)


# Tools


def _tool(asked: _Asked) -> Json | None:
    """The tool that is called: the one that the request names, else the first."""
    choice, tools = asked.tool_choice, [tool for tool in asked.tools or [] if _name_of(tool)]
    if choice == "none" or not tools:
        return None
    if isinstance(choice, dict):
        allowed = choice.get("allowed_tools", choice)
        named = {_name_of(one) for one in (allowed.get("tools") or [choice]) if isinstance(one, dict)}
        tools = [tool for tool in tools if _name_of(tool) in named] or tools
    return tools[0]


def _name_of(tool: Json) -> str | None:
    about = tool.get(str(tool.get("type")))
    return about.get("name") if isinstance(about, dict) else None


def _tool_call(tool: Json, said: str) -> Json:
    made = {"id": f"call_{sha256(msgspec.json.encode([tool, said])).hexdigest()[:24]}", "type": tool["type"]}
    if tool["type"] == "custom":
        return {**made, "custom": {"name": _name_of(tool), "input": echo(said)}}
    return {**made, "function": _called(tool["function"], said)}


def _function(asked: _Asked) -> Json | None:
    """The same for the older `functions`."""
    functions = [one for one in asked.functions or [] if isinstance(one.get("name"), str)]
    if asked.function_call == "none" or not functions:
        return None
    named = asked.function_call.get("name") if isinstance(asked.function_call, dict) else None
    return next((one for one in functions if one["name"] == named), functions[0])


def _called(function: Json, said: str) -> Json:
    return {"name": function["name"], "arguments": _encoded(sample_of(function.get("parameters") or {}, said or GREETING))}


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# How it is told


def _message(answer: _Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    if answer.thought:
        message["reasoning_content"] = answer.thought
    if answer.tool:
        message["tool_calls"] = [answer.tool]
    if answer.function:
        message["function_call"] = answer.function
    return message


def _deltas(answer: _Answer) -> Iterator[Json]:
    yield {"role": "assistant", "content": None if answer.text is None else "", "refusal": None}
    for part in pieces(answer.thought):
        yield {"reasoning_content": part}
    for part in pieces(answer.text or ""):
        yield {"content": part}
    if answer.tool:
        kind, value = answer.tool["type"], "input" if answer.tool["type"] == "custom" else "arguments"
        called = answer.tool[kind]
        yield {"tool_calls": [{"index": 0, **answer.tool, kind: {**called, value: ""}}]}
        for part in pieces(called[value]):
            yield {"tool_calls": [{"index": 0, kind: {value: part}}]}
    if answer.function:
        yield {"function_call": {**answer.function, "arguments": ""}}
        yield {"function_call": {"arguments": answer.function["arguments"]}}


def _logprobs(asked: _Asked, answer: _Answer) -> Json | None:
    """Each word as a token of which nobody doubted."""
    if not asked.logprobs:
        return None
    told = [{"token": part, "logprob": 0.0, "bytes": list(part.encode())} for part in pieces(answer.text or "")]
    return {"content": [{**token, "top_logprobs": []} for token in told], "refusal": None}


def _usage(call: Call, answer: _Answer, count: int) -> Json:
    """Four bytes are one token."""
    thought = len(answer.thought) // 4
    told = answer.text or _encoded(answer.tool or answer.function)
    sent, received = len(call.body) // 4, (len(told) // 4 + 1 + thought) * count
    return {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "total_tokens": sent + received,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": thought * count,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _frame(call: Call, kind: str, model: str) -> Json:
    made = f"chatcmpl-{sha256(call.body).hexdigest()[:24]}"
    return {"id": made, "object": kind, "created": int(time.time()), "model": model, "service_tier": "default"}
