"""How is a whole completion told as a stream? For upstreams that answer with one although a stream was asked for.

Formats: OpenAI's OpenAPI document of August 2026, `/chat/completions` and `/completions`. A message has the fields of its
deltas, but for the `index` of tool calls, so what nobody knows here passes as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from providers.bytes import sse
from providers.bytes.halves import decoded
from providers.errors import InvalidResponse
from providers.wire.openai.framing import DONE
from providers.wire.openai.good_answer import answer_of

Json = dict[str, Any]
MISFITS = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of a value that has not the type that the format gives it."""


def chat_events(body: bytes) -> bytes:
    """The events of a chat completion: of each choice its message and then its end, the usage, and `[DONE]`. Raises the
    error that it carries instead, or `InvalidResponse`."""
    return _events(body, "chat.completion.chunk", _chat_choices)


def text_events(body: bytes) -> bytes:
    """The events of an older completion: each choice, the usage, and `[DONE]`. Raises as `chat_events`."""
    return _events(body, "text_completion", lambda choice: iter((choice,)))


def _events(body: bytes, kind: str, told: Callable[[Json], Iterator[Json]]) -> bytes:
    answer_of(body, "choices")
    try:
        whole = decoded(body)
        head = {name: value for name, value in whole.items() if name not in ("choices", "usage")} | {"object": kind}
        choices = [{"index": place, **choice} for place, choice in enumerate(whole["choices"])]
        chunks = [{**head, "choices": [piece]} for choice in choices for piece in told(choice)]
    except MISFITS as error:
        raise InvalidResponse("the answer cannot be read") from error
    if not chunks:
        raise InvalidResponse("the answer has no choices")
    if whole.get("usage"):
        chunks.append({**head, "choices": [], "usage": whole["usage"]})
    return b"".join(sse.frame_of(msgspec.json.encode(chunk)) for chunk in chunks) + sse.frame_of(DONE)


def _chat_choices(choice: Json) -> Iterator[Json]:
    message = choice.pop("message", None) or choice.pop("delta", None) or {}
    reason = choice.pop("finish_reason", None) or "stop"
    calls = message.get("tool_calls")
    if calls:
        message = {**message, "tool_calls": [{"index": place, **call} for place, call in enumerate(calls)]}
    yield {**choice, "delta": message, "finish_reason": None}
    yield {"index": choice["index"], "delta": {}, "finish_reason": reason}
