"""What does an upstream of the Messages API say? Whole messages, and the events that add up to one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.vendor import Said, events

Json = dict[str, Any]
USAGE: Json = {
    "input_tokens": 5,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 2,
    "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"thinking_tokens": 4},
    "service_tier": "standard",
}
HELLO: Json = {"type": "text", "text": "Hello."}
THOUGHT: Json = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}
ERRORS: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


def call(number: int, name: str = "look", **arguments: Any) -> Json:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": arguments}


def message(*content: Json, stop: str | None = None, model: str = "claude-up", **fields: Any) -> Json:
    """A whole message with a field that nobody knows."""
    reason = stop or ("tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn")
    return {
        "id": "msg_up",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(content),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": USAGE,
        "x_unknown": [1.5],
        **fields,
    }


def told(*content: Json, **fields: Any) -> list[Json]:
    """The events of the same message: texts and arguments in two pieces each."""
    whole = message(*content, **fields)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
    made: list[Json] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    for index, block in enumerate(content):
        empty, deltas = _deltas(block)
        made.append({"type": "content_block_start", "index": index, "content_block": empty})
        made += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        made.append({"type": "content_block_stop", "index": index})
    stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    made.append({"type": "message_delta", "delta": stop, "usage": {"output_tokens": USAGE["output_tokens"]}})
    return [*made, {"type": "message_stop"}]


def stream(*content: Json, **fields: Any) -> Said:
    return events(*told(*content, **fields), names=True)


def failed(status: int, text: str, **headers: str) -> Said:
    """An error as Anthropic tells it."""
    body = {"type": "error", "error": {"type": ERRORS[status], "message": text}, "request_id": "req_up"}
    return Said(json.dumps(body).encode(), status, headers=headers)


def _deltas(block: Json) -> tuple[Json, Sequence[Json]]:
    kind = block["type"]
    if kind == "text":
        half = len(block["text"]) // 2
        pieces = [{"type": "text_delta", "text": text} for text in (block["text"][:half], block["text"][half:])]
        return {"type": "text", "text": ""}, pieces
    if kind == "thinking":
        thought = {"type": "thinking_delta", "thinking": block["thinking"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [
            thought,
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    text = json.dumps(block["input"])
    half = len(text) // 2
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", text[:half], text[half:])]
    return {**block, "input": {}}, pieces


def read(text: str) -> Json:
    """The message that a stream adds up to, as a client reads it: each event in its order and at its place."""
    whole: Json = {}
    pieces: list[str] = []
    is_open = ended = False
    for frame in text.removesuffix("\n\n").split("\n\n"):
        name, data = frame.split("\n", 1)
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert not ended
        match event["type"]:
            case "message_start":
                assert not whole
                whole = event["message"]
                assert (whole["type"], whole["role"], whole["content"], whole["stop_reason"]) == (
                    "message",
                    "assistant",
                    [],
                    None,
                )
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(whole["content"])
                whole["content"].append(event["content_block"])
                is_open, pieces = True, []
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(whole["content"]) - 1
                _add(whole["content"][-1], event["delta"], pieces)
            case "content_block_stop":
                assert is_open
                is_open = False
                if whole["content"][-1]["type"] == "tool_use":
                    whole["content"][-1]["input"] = json.loads("".join(pieces) or "{}")
            case "message_delta":
                assert not is_open
                whole |= event["delta"]
                whole["usage"] |= {name: value for name, value in event["usage"].items() if value is not None}
            case "message_stop":
                assert whole["stop_reason"]
                ended = True
            case "ping":
                pass
            case other:
                raise AssertionError(other)
    assert ended
    return whole


def _add(block: Json, delta: Json, pieces: list[str]) -> None:
    kind = (block["type"], delta["type"])
    match kind:
        case ("text", "text_delta"):
            block["text"] += delta["text"]
        case ("thinking", "thinking_delta"):
            block["thinking"] += delta["thinking"]
        case ("thinking", "signature_delta"):
            block["signature"] = delta["signature"]
        case ("tool_use", "input_json_delta"):
            pieces.append(delta["partial_json"])
        case _:
            raise AssertionError(kind)
