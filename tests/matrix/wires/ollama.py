"""Ollama's own `/api/chat` (source of August 2026)."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.vendor import Said, Seen, said
from tests.matrix.situations import Ask, Tell, Tool, ToolCall
from tests.matrix.wires.wire import Asked, Client, Json, Upstream, pieces, stream

MODEL = "llama-upstream"
NOT_TOLD = "Ollama does not tell what was cached"


def ask(model: str, wanted: Ask) -> Asked:
    user: Json = {"role": "user", "content": wanted.text}
    if wanted.image:
        user["images"] = [wanted.image]
    messages: list[Json] = [{"role": "system", "content": wanted.system}] if wanted.system else []
    messages.append(user)
    if wanted.results:
        calls = [{"function": {"name": call.name, "arguments": dict(call.arguments)}} for call, _ in wanted.results]
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        messages += [{"role": "tool", "tool_name": call.name, "content": text} for call, text in wanted.results]
    body: Json = {"model": model, "messages": messages}
    if not wanted.stream:
        body["stream"] = False
    if wanted.tools:
        body["tools"] = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)}}
            for t in wanted.tools
        ]
    if wanted.effort:
        body["think"] = wanted.effort
    if wanted.schema:
        body["format"] = dict(wanted.schema)
    options: Json = {}
    if wanted.stop:
        options["stop"] = list(wanted.stop)
    if wanted.max_tokens:
        options["num_predict"] = wanted.max_tokens
    return Asked("/api/chat", body | ({"options": options} if options else {}), {})


def _last(line: Json) -> tuple[str, int, int, int]:
    assert line["done"] is True
    assert all(isinstance(line[name], int) for name in ("total_duration", "load_duration", "eval_duration"))
    return line["done_reason"], line["prompt_eval_count"], 0, line["eval_count"]


def _told(text: str, thoughts: str, called: list[Json], last: Json) -> Tell:
    calls = tuple(
        ToolCall(call["function"]["name"], call["function"]["arguments"], call.get("id") or call["function"].get("id") or "")
        for call in called
    )
    reason, *used = _last(last)
    why = "calls" if calls else {"stop": "end"}.get(reason, reason)
    return Tell(text, thoughts, calls, why, *used)


def whole(value: Json) -> Tell:
    message = value["message"]
    assert message["role"] == "assistant"
    return _told(message["content"], message.get("thinking") or "", message.get("tool_calls") or [], value)


def streamed(data: bytes) -> Tell:
    lines = [json.loads(line) for line in data.splitlines()]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    text = "".join(line["message"]["content"] for line in lines)
    thoughts = "".join(line["message"].get("thinking") or "" for line in lines)
    called = [call for line in lines for call in line["message"].get("tool_calls") or ()]
    return _told(text, thoughts, called, lines[-1])


def failed(value: Json) -> str:
    assert list(value) == ["error"]
    return str(value["error"])


def broken(data: bytes) -> str | None:
    lines = data.splitlines()
    last = json.loads(lines[-1]) if lines else {}
    return failed(last) if "error" in last else None


CLIENT = Client(
    "ollama",
    ask,
    whole,
    streamed,
    failed,
    broken,
    lambda key: ("authorization", f"Bearer {key}"),
    lacks={},
    silent={"cached": NOT_TOLD},
)


def read(seen: Seen) -> Ask:
    body = seen.json
    assert body["model"] == MODEL
    system = "\n".join(m["content"] for m in body["messages"] if m["role"] == "system")
    user = next(m for m in body["messages"] if m["role"] == "user")
    called = [call["function"] for m in body["messages"] for call in m.get("tool_calls") or ()]
    made = [ToolCall(call["name"], call["arguments"]) for call in called]
    answers = [m for m in body["messages"] if m["role"] == "tool"]
    assert [answer["tool_name"] for answer in answers] == [call.name for call in made]
    options = body.get("options") or {}
    think = body.get("think")
    return Ask(
        user["content"],
        system,
        tuple(_tool(tool["function"]) for tool in body.get("tools") or ()),
        tuple((call, answer["content"]) for call, answer in zip(made, answers, strict=True)),
        "".join(user.get("images") or ()),
        think if isinstance(think, str) else "",
        body.get("format") if isinstance(body.get("format"), dict) else None,
        tuple(options.get("stop") or ()),
        options.get("num_predict") or 0,
        body.get("stream", True),
    )


def _tool(function: Json) -> Tool:
    return Tool(function["name"], function["description"], function["parameters"])


def _line(message: Json, **more: Any) -> Json:
    head = {"model": MODEL, "created_at": "2026-08-21T10:00:00.123456789Z"}
    return {**head, "message": {"role": "assistant", "content": "", **message}, "done": False, **more}


def _end(tell: Tell) -> Json:
    times = dict.fromkeys(("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"), 5_000_000)
    reason = "length" if tell.why == "length" else "stop"
    return {"done": True, "done_reason": reason, **times, "prompt_eval_count": tell.input, "eval_count": tell.output}


def _calls(tell: Tell) -> list[Json]:
    return [{"function": {"index": n, "name": c.name, "arguments": dict(c.arguments)}} for n, c in enumerate(tell.calls)]


def tell_whole(tell: Tell) -> Said:
    message: Json = {"content": tell.text}
    if tell.thoughts:
        message["thinking"] = tell.thoughts
    if tell.calls:
        message["tool_calls"] = _calls(tell)
    return said(_line(message, **_end(tell)))


def _lines(tell: Tell) -> list[Json]:
    lines = [_line({"thinking": piece}) for piece in pieces(tell.thoughts)]
    lines += [_line({"content": piece}) for piece in pieces(tell.text)]
    lines += [_line({"tool_calls": [call]}) for call in _calls(tell)]
    return [*lines, _line({}, **_end(tell))]


def _stream(lines: list[Json]) -> Said:
    return stream([json.dumps(line).encode() + b"\n" for line in lines], "application/x-ndjson")


def tell_streamed(tell: Tell) -> Said:
    return _stream(_lines(tell))


def failure(status: int, message: str) -> Said:
    return said({"error": message}, status)


def midway(tell: Tell, message: str) -> Said:
    return _stream([*_lines(tell)[:2], {"error": message}])


UPSTREAM = Upstream(
    "ollama",
    lambda base: {"type": "ollama_native", "api_base": base},
    MODEL,
    read,
    tell_whole,
    tell_streamed,
    failure,
    midway,
    lacks={},
    silent={"cached": NOT_TOLD},
)
