"""What does a healthy OpenAI-compatible upstream say? Answers that are the same at every call, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.fakes.chaos.http import compact

ID = "chatcmpl-chaos"
CREATED = 1_700_000_000
WORDS = ("Hello", " from", " chaos.")
PROMPT_TOKENS = 11


def usage(completion: int, prompt: int = PROMPT_TOKENS) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def completion(model: str, content: str | None, *, counts: dict[str, Any] | None = None, **message: Any) -> dict[str, Any]:
    """A `chat.completion` with a vendor's field that no specification knows."""
    finish = "tool_calls" if "tool_calls" in message else "stop"
    return {
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None, **message},
                "finish_reason": finish,
                "logprobs": None,
            }
        ],
        "usage": counts or usage(len(WORDS)),
        "x_vendor": {"price": 1.50, "note": "gr\u00fc\u00dfe"},
    }


def delta(model: str, fields: dict[str, Any], finish: str | None = None, **extra: Any) -> dict[str, Any]:
    """One `chat.completion.chunk` of one choice."""
    return {
        "id": ID,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "delta": fields, "logprobs": None, "finish_reason": finish}],
        **extra,
    }


def role_chunk(model: str, **extra: Any) -> dict[str, Any]:
    return delta(model, {"role": "assistant", "content": ""}, **extra)


def usage_chunk(model: str, completion_tokens: int, counts: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**delta(model, {}), "choices": [], "usage": counts or usage(completion_tokens)}


def chunks(model: str, words: Sequence[str], **extra: Any) -> Iterator[dict[str, Any]]:
    """The role, the words and the end of one answer; no usage."""
    yield role_chunk(model, **extra)
    for word in words:
        yield delta(model, {"content": word}, **extra)
    yield delta(model, {}, "stop", **extra)


def numbered(count: int) -> list[str]:
    """`count` words that differ."""
    return [f"word{number} " for number in range(count)]


def error(message: str, type_: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


ERRORS: dict[int, dict[str, Any]] = {
    400: error("Unsupported value: 'temperature' must be at most 2.", "invalid_request_error", "invalid_value", "temperature"),
    401: error("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: error("Country, region, or territory not supported.", "permission_error", "unsupported_country_region_territory"),
    404: error("The model does not exist.", "invalid_request_error", "model_not_found", "model"),
    413: error("The request is too large.", "invalid_request_error", "request_too_large"),
    422: error("The input cannot be processed.", "invalid_request_error", "unprocessable", "messages"),
    429: error("Rate limit reached.", "rate_limit_error", "rate_limit_exceeded"),
    503: error("The engine is overloaded.", "overloaded_error", "overloaded"),
}
QUOTA = error("You exceeded your current quota.", "insufficient_quota", "insufficient_quota")
OVERLOADED = error("The engine is overloaded.", "overloaded_error", "overloaded")


def error_body(status: int) -> bytes:
    return compact(ERRORS.get(status) or error(f"Chaos answers {status}.", "server_error", "server_error"))


def frame(data: Any) -> bytes:
    """One SSE event as OpenAI writes it; `data` is JSON to be, or the text itself."""
    return b"data: " + (data.encode() if isinstance(data, str) else compact(data)) + b"\n\n"


DONE = frame("[DONE]")
