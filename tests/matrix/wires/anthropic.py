"""Anthropic's Messages API (version 2023-06-01, SDK 2.14)."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.vendor import Said, Seen, said
from tests.matrix.situations import Ask, Tell, Tool, ToolCall
from tests.matrix.wires.wire import Asked, Client, Json, Upstream, events, joined, pieces, sse, stream

MODEL = "claude-upstream"
STOPS = {"end": "end_turn", "stop": "stop_sequence", "length": "max_tokens", "calls": "tool_use"}
WHY = {word: why for why, word in STOPS.items()}
SIGNATURE = "EqQBCkgIBhABGAIiQL"


def ask(model: str, wanted: Ask) -> Asked:
    content: Any = wanted.text
    if wanted.image:
        source = {"type": "base64", "media_type": "image/png", "data": wanted.image}
        content = [{"type": "text", "text": wanted.text}, {"type": "image", "source": source}]
    messages: list[Json] = [{"role": "user", "content": content}]
    if wanted.results:
        calls = [{"type": "tool_use", "id": c.id, "name": c.name, "input": dict(c.arguments)} for c, _ in wanted.results]
        answers = [{"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in wanted.results]
        messages += [{"role": "assistant", "content": calls}, {"role": "user", "content": answers}]
    body: Json = {"model": model, "max_tokens": wanted.max_tokens or 1024, "messages": messages}
    if wanted.system:
        body["system"] = wanted.system
    if wanted.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)} for tool in wanted.tools
        ]
    if wanted.effort:
        body |= {"thinking": {"type": "adaptive"}, "output_config": {"effort": wanted.effort}}
    if wanted.schema:
        body["output_config"] = {"format": {"type": "json_schema", "schema": dict(wanted.schema)}}
    if wanted.stop:
        body["stop_sequences"] = list(wanted.stop)
    return Asked("/v1/messages", body | ({"stream": True} if wanted.stream else {}), {"anthropic-version": "2023-06-01"})


def whole(value: Json) -> Tell:
    assert (value["type"], value["role"]) == ("message", "assistant")
    blocks = value["content"]
    kinds = {block["type"] for block in blocks}
    assert kinds <= {"text", "thinking", "redacted_thinking", "tool_use"}  # the third carries signatures of other vendors
    thoughts = "".join(block["thinking"] for block in blocks if block["type"] == "thinking")
    calls = tuple(ToolCall(b["name"], b["input"], b["id"]) for b in blocks if b["type"] == "tool_use")
    usage = value["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    given = usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
    return Tell(joined(blocks, "text"), thoughts, calls, WHY[value["stop_reason"]], given, cached, usage["output_tokens"])


def streamed(data: bytes) -> Tell:
    message: Json = {}
    opened: Json | None = None
    for name, chunk in events(data):
        value = json.loads(chunk)
        assert name == value["type"]
        if name == "message_start":
            message = value["message"]
            assert message["content"] == []
        elif name == "content_block_start":
            assert opened is None
            assert value["index"] == len(message["content"])
            opened = value["content_block"] | {"json": ""}
            message["content"].append(opened)
        elif name == "content_block_delta":
            assert opened is not None
            assert value["index"] == len(message["content"]) - 1
            _grow(opened, value["delta"])
        elif name == "content_block_stop":
            assert opened is not None
            if opened["type"] == "tool_use":
                opened["input"] = json.loads(opened["json"] or "{}")
            opened = None
        elif name == "message_delta":
            message |= value["delta"]
            message["usage"] |= {key: number for key, number in value["usage"].items() if number is not None}
        else:
            assert name in ("message_stop", "ping")
    assert name == "message_stop"
    return whole(message)


def _grow(block: Json, delta: Json) -> None:
    field = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(delta["type"])
    kinds = {"text": "text", "thinking": "thinking", "signature": "thinking"}
    if field is None:
        assert (delta["type"], block["type"]) == ("input_json_delta", "tool_use")
        block["json"] += delta["partial_json"]
    else:
        assert block["type"] == kinds[field]
        block[field] = block.get(field, "") + delta[field]


def failed(value: Json) -> str:
    assert value["type"] == "error"
    assert value["error"]["type"]
    return str(value["error"]["message"])


def broken(data: bytes) -> str | None:
    told = events(data)
    return failed(json.loads(told[-1][1])) if told and told[-1][0] == "error" else None


CLIENT = Client("messages", ask, whole, streamed, failed, broken, lambda key: ("x-api-key", key), lacks={}, silent={})


def read(seen: Seen) -> Ask:
    body = seen.json
    assert body["model"] == MODEL
    assert seen.headers["anthropic-version"] == "2023-06-01"
    roles = [message["role"] for message in body["messages"]]
    assert roles == [("user", "assistant")[place % 2] for place in range(len(roles))], "roles take turns"
    text, image, made, answers = "", "", [], {}
    for message in body["messages"]:
        blocks: str | list[Json] = message["content"]
        told: list[Json] = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
        for block in told:
            if block["type"] == "text" and message["role"] == "user":
                text += block["text"]
            elif block["type"] == "image":
                assert (block["source"]["type"], block["source"]["media_type"]) == ("base64", "image/png")
                image += block["source"]["data"]
            elif block["type"] == "tool_use":
                made.append(ToolCall(block["name"], block["input"], block["id"]))
            elif block["type"] == "tool_result":
                answers[block["tool_use_id"]] = _flat(block["content"])
    config = body.get("output_config") or {}
    return Ask(
        text,
        _flat(body.get("system") or ""),
        tuple(Tool(tool["name"], tool["description"], tool["input_schema"]) for tool in body.get("tools") or ()),
        tuple((call, answers.pop(call.id)) for call in made),
        image,
        config.get("effort") or "",
        (config.get("format") or {}).get("schema"),
        tuple(body.get("stop_sequences") or ()),
        body["max_tokens"],
        bool(body.get("stream")),
    )


def _flat(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(block["text"] for block in content)


def _blocks(tell: Tell) -> list[Json]:
    blocks: list[Json] = []
    if tell.thoughts:
        blocks.append({"type": "thinking", "thinking": tell.thoughts, "signature": SIGNATURE})
    if tell.text:
        blocks.append({"type": "text", "text": tell.text})
    return blocks + [{"type": "tool_use", "id": c.id, "name": c.name, "input": dict(c.arguments)} for c in tell.calls]


def _message(tell: Tell, *, begun: bool = False) -> Json:
    usage = {
        "input_tokens": tell.input - tell.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tell.cached,
        "output_tokens": 1 if begun else tell.output,
    }
    return {
        "id": "msg_up",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [] if begun else _blocks(tell),
        "stop_reason": None if begun else STOPS[tell.why],
        "stop_sequence": "END" if tell.why == "stop" and not begun else None,
        "usage": usage,
    }


def tell_whole(tell: Tell) -> Said:
    return said(_message(tell))


EMPTY: dict[str, Json] = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}


def _events(tell: Tell) -> list[Json]:
    told: list[Json] = [{"type": "message_start", "message": _message(tell, begun=True)}, {"type": "ping"}]
    for index, block in enumerate(_blocks(tell)):
        told.append({"type": "content_block_start", "index": index, "content_block": block | EMPTY[block["type"]]})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in _deltas(block)]
        told.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": STOPS[tell.why], "stop_sequence": "END" if tell.why == "stop" else None}
    told.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": tell.output}})
    return [*told, {"type": "message_stop"}]


def _deltas(block: Json) -> list[Json]:
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    if block["type"] == "thinking":
        thoughts: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
        return [*thoughts, {"type": "signature_delta", "signature": block["signature"]}]
    arguments = json.dumps(block["input"])
    return [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces(arguments))]


def tell_streamed(tell: Tell) -> Said:
    return stream(sse(*_events(tell), names=True))


KINDS = {400: "invalid_request_error", 503: "api_error", 529: "overloaded_error"}


def failure(status: int, message: str) -> Said:
    return said({"type": "error", "error": {"type": KINDS[status], "message": message}, "request_id": "req_up"}, status)


def midway(tell: Tell, message: str) -> Said:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": message}, "request_id": "req_up"}
    return stream(sse(*_events(tell)[:5], error, names=True))


UPSTREAM = Upstream(
    "anthropic_messages",
    lambda base: {"type": "anthropic", "api_base": f"{base}/v1"},
    MODEL,
    read,
    tell_whole,
    tell_streamed,
    failure,
    midway,
    lacks={},
    silent={},
)
