"""What do conversations look like, turn after turn, as clients of each wire send them? The second has a tool's result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
SYSTEM = "You are a weather agent."
CALL = {"city": "Oslo"}


def chat(asked: str, model: str) -> list[Json]:
    function = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    called = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    talk: list[Json] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": asked},
        called,
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
        {"role": "assistant", "content": "It rains."},
        {"role": "user", "content": "And tomorrow?"},
    ]
    return [{"model": model, "messages": talk[:count]} for count in (2, 4, 6)]


def messages(asked: str, model: str) -> list[Json]:
    """The mark of the cache stands on the last message, which has a list of texts therefore, and a text later."""
    called = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": CALL}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Rain."}
    talk: list[Json] = [
        {"role": "user", "content": asked},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, called]},
        {"role": "user", "content": [result]},
        {"role": "assistant", "content": "It rains."},
        {"role": "user", "content": "And tomorrow?"},
    ]
    return [
        {"model": model, "max_tokens": 64, "system": SYSTEM, "messages": [*talk[: count - 1], _marked(talk[count - 1])]}
        for count in (1, 3, 5)
    ]


def _marked(message: Json) -> Json:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {**message, "content": [*blocks[:-1], {**blocks[-1], "cache_control": {"type": "ephemeral"}}]}


def responses(asked: str, model: str) -> list[Json]:
    """Two calls at once, each with its result behind it."""

    def calls(number: int) -> list[Json]:
        made = {"type": "function_call", "call_id": f"call_{number}", "name": "weather", "arguments": '{"city": "Oslo"}'}
        return [made, {"type": "function_call_output", "call_id": f"call_{number}", "output": "Rain."}]

    talk: list[Json] = [
        {"role": "user", "content": asked},
        *calls(1),
        *calls(2),
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It rains.", "annotations": []}]},
        {"role": "user", "content": "And tomorrow?"},
    ]
    return [{"model": model, "instructions": SYSTEM, "input": talk[:count]} for count in (1, 5, 7)]


def gemini(asked: str, model: str) -> list[Json]:
    call = {"functionCall": {"name": "weather", "args": CALL}}
    result = {"functionResponse": {"name": "weather", "response": {"result": "Rain."}}}
    talk: list[Json] = [
        {"role": "user", "parts": [{"text": asked}]},
        {"role": "model", "parts": [{"text": "Hm.", "thought": True}, call]},
        {"role": "user", "parts": [result]},
        {"role": "model", "parts": [{"text": "It rains."}]},
        {"role": "user", "parts": [{"text": "And tomorrow?"}]},
    ]
    return [{"systemInstruction": {"parts": [{"text": SYSTEM}]}, "contents": talk[:count]} for count in (1, 3, 5)]


def ollama(asked: str, model: str) -> list[Json]:
    talk: list[Json] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": asked},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": CALL}}]},
        {"role": "tool", "tool_name": "weather", "content": "Rain."},
        {"role": "assistant", "content": "It rains."},
        {"role": "user", "content": "And tomorrow?"},
    ]
    return [{"model": model, "messages": talk[:count], "stream": False} for count in (2, 4, 6)]


Turns = Callable[[str, str], list[Json]]
WIRES: Mapping[str, tuple[str, Turns]] = {
    "chat": ("/v1/chat/completions", chat),
    "messages": ("/v1/messages", messages),
    "responses": ("/v1/responses", responses),
    "gemini": ("/v1beta/models/{model}:generateContent", gemini),
    "ollama": ("/api/chat", ollama),
}
"""By name: where it is asked, and the bodies of the three requests."""
SEEN: Mapping[str, tuple[int, int, int]] = {
    "chat": (0, 2, 4),
    "messages": (0, 1, 3),
    "responses": (0, 1, 5),
    "gemini": (0, 1, 3),
    "ollama": (0, 2, 4),
}
"""How many of the messages were part of an earlier request."""
