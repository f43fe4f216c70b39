"""OpenAI's chat completions (OpenAPI document of August 2026); thoughts as DeepSeek and vLLM have them, `reasoning_content`."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.vendor import Said, Seen, said
from tests.matrix.situations import Ask, Tell, Tool, ToolCall
from tests.matrix.wires.wire import Asked, Client, Json, Upstream, events, pieces, sse, stream

STOPS = {"end": "stop", "stop": "stop", "length": "length", "calls": "tool_calls"}
WHY = {"stop": "end", "length": "length", "tool_calls": "calls"}


def ask(model: str, wanted: Ask) -> Asked:
    content: Any = wanted.text
    if wanted.image:
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{wanted.image}"}}
        content = [{"type": "text", "text": wanted.text}, picture]
    messages: list[Json] = [{"role": "system", "content": wanted.system}] if wanted.system else []
    messages.append({"role": "user", "content": content})
    if wanted.results:
        calls = [call_json(call) for call, _ in wanted.results]
        messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        messages += [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in wanted.results]
    body: Json = {"model": model, "messages": messages}
    if wanted.tools:
        body["tools"] = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)}}
            for t in wanted.tools
        ]
    if wanted.effort:
        body["reasoning_effort"] = wanted.effort
    if wanted.schema:
        form = {"name": "forecast", "schema": dict(wanted.schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if wanted.stop:
        body["stop"] = list(wanted.stop)
    if wanted.max_tokens:
        body["max_completion_tokens"] = wanted.max_tokens
    if wanted.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Asked("/v1/chat/completions", body, {})


def call_json(call: ToolCall) -> Json:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _call(value: Json) -> ToolCall:
    return ToolCall(value["function"]["name"], json.loads(value["function"]["arguments"]), value["id"])


def whole(value: Json) -> Tell:
    assert value["object"] == "chat.completion"
    (choice,) = value["choices"]
    message = choice["message"]
    assert message["role"] == "assistant"
    calls = tuple(map(_call, message.get("tool_calls") or ()))
    thoughts = message.get("reasoning_content") or ""
    return Tell(message.get("content") or "", thoughts, calls, WHY[choice["finish_reason"]], *_used(value["usage"]))


def _used(usage: Json) -> tuple[int, int, int]:
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    details = usage.get("prompt_tokens_details") or {}
    return usage["prompt_tokens"], details.get("cached_tokens") or 0, usage["completion_tokens"]


def streamed(data: bytes) -> Tell:
    told = events(data)
    assert told[-1][1] == "[DONE]"
    text, thoughts, why, usage = "", "", "", None
    calls: dict[int, Json] = {}
    for _, chunk in told[:-1]:
        value = json.loads(chunk)
        assert value["object"] == "chat.completion.chunk"
        usage = value.get("usage") or usage
        for choice in value["choices"]:
            assert not why, "nothing comes after the reason to stop"
            delta = choice["delta"]
            text += delta.get("content") or ""
            thoughts += delta.get("reasoning_content") or ""
            for part in delta.get("tool_calls") or ():
                known = calls.setdefault(part["index"], {"id": "", "function": {"name": "", "arguments": ""}})
                known["id"] += part.get("id") or ""
                known["function"]["name"] += part["function"].get("name") or ""
                known["function"]["arguments"] += part["function"].get("arguments") or ""
            why = WHY[choice["finish_reason"]] if choice.get("finish_reason") else ""
    assert list(calls) == list(range(len(calls)))
    assert usage is not None
    return Tell(text, thoughts, tuple(map(_call, calls.values())), why, *_used(usage))


def failed(value: Json) -> str:
    assert set(value) == {"error"}
    assert {"message", "type", "param", "code"} <= set(value["error"])
    return str(value["error"]["message"])


def broken(data: bytes) -> str | None:
    told = events(data)
    if not told or told[-1][1] != "[DONE]" or len(told) < 2:
        return None
    value = json.loads(told[-2][1])
    return failed(value) if "error" in value else None


CLIENT = Client(
    "chat completions", ask, whole, streamed, failed, broken, lambda key: ("authorization", f"Bearer {key}"), lacks={}, silent={}
)


def read(seen: Seen) -> Ask:
    body = seen.json
    assert body["model"] == MODEL
    system = "\n".join(m["content"] for m in body["messages"] if m["role"] in ("system", "developer"))
    user = next(m["content"] for m in body["messages"] if m["role"] == "user")
    image = ""
    if not isinstance(user, str):
        image = "".join(part["image_url"]["url"] for part in user if part["type"] == "image_url")
        user = "".join(part["text"] for part in user if part["type"] == "text")
    answers = {m["tool_call_id"]: _flat(m["content"]) for m in body["messages"] if m["role"] == "tool"}
    made = [_call(call) for m in body["messages"] for call in m.get("tool_calls") or ()]
    form = (body.get("response_format") or {}).get("json_schema") or {}
    stop = body.get("stop") or ()
    return Ask(
        user,
        system,
        tuple(_tool(tool["function"]) for tool in body.get("tools") or ()),
        tuple((call, answers.pop(call.id)) for call in made),
        image.removeprefix("data:image/png;base64,"),
        body.get("reasoning_effort") or "",
        form.get("schema"),
        (stop,) if isinstance(stop, str) else tuple(stop),
        body.get("max_completion_tokens") or body.get("max_tokens") or 0,
        bool(body.get("stream")),
    )


def _flat(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _tool(function: Json) -> Tool:
    return Tool(function["name"], function["description"], function["parameters"])


def _usage(tell: Tell) -> Json:
    usage: Json = {"prompt_tokens": tell.input, "completion_tokens": tell.output, "total_tokens": tell.input + tell.output}
    return usage | {"prompt_tokens_details": {"cached_tokens": tell.cached}}


def tell_whole(tell: Tell) -> Said:
    message: Json = {"role": "assistant", "content": tell.text or None}
    if tell.thoughts:
        message["reasoning_content"] = tell.thoughts
    if tell.calls:
        message["tool_calls"] = list(map(call_json, tell.calls))
    choice = {"index": 0, "message": message, "finish_reason": STOPS[tell.why]}
    return said({**HEAD, "object": "chat.completion", "choices": [choice], "usage": _usage(tell)})


MODEL = "upstream-chat"
HEAD: Json = {"id": "chatcmpl-up", "created": 1764400000, "model": MODEL}


def _chunk(delta: Json, why: str | None = None) -> Json:
    choices = [{"index": 0, "delta": delta, "finish_reason": why}]
    return {**HEAD, "object": "chat.completion.chunk", "choices": choices}


def _deltas(tell: Tell) -> list[Json]:
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in pieces(tell.thoughts)]
    deltas += [{"content": piece} for piece in pieces(tell.text)]
    for index, call in enumerate(tell.calls):
        value = call_json(call)
        arguments = value["function"]["arguments"]
        value["function"]["arguments"] = ""
        deltas.append({"tool_calls": [{"index": index, **value}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces(arguments)]
    return deltas


def tell_streamed(tell: Tell) -> Said:
    chunks = [*map(_chunk, _deltas(tell)), _chunk({}, STOPS[tell.why])]
    return stream(sse(*chunks, {**HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _usage(tell)}, done=True))


def failure(status: int, message: str) -> Said:
    return said({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}, status)


def midway(tell: Tell, message: str) -> Said:
    error = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
    return stream(sse(*map(_chunk, _deltas(tell)[:3]), error, done=True))


UPSTREAM = Upstream(
    "openai_chat",
    lambda base: {"type": "openai_compatible", "api_base": f"{base}/v1"},
    MODEL,
    read,
    tell_whole,
    tell_streamed,
    failure,
    midway,
    lacks={},
    silent={},
)
