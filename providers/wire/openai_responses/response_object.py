"""What does a response look like before anything is in it, and how are its usage and its items written?

Format: OpenResponses specification of 2026-04-24: every field of a response is there, at the beginning as at the end.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

from providers.types import Usage

Json = dict[str, Any]
ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
DEFAULTS: MappingProxyType[str, Any] = MappingProxyType(
    {
        "previous_response_id": None,
        "instructions": None,
        "tools": [],
        "tool_choice": "auto",
        "truncation": "disabled",
        "parallel_tool_calls": True,
        "top_p": 1.0,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "temperature": 1.0,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "store": True,
        "background": False,
        "service_tier": "default",
        "metadata": {},
        "safety_identifier": None,
        "prompt_cache_key": None,
    }
)
"""What is repeated from the request, with what counts when it says nothing."""

SECRETS = frozenset({"authorization", "headers", "domain_secrets"})
"""Fields of hosted tools, at any depth, that carry credentials; they are neither told back nor kept."""
SCHEMA = "parameters"
"""Where names are those of a function's arguments."""


def new_response(request: Json, response_id: str, created_at: int, model: str) -> Json:
    """The response to a request, in progress and empty."""
    response: Json = {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "completed_at": None,
        "status": "in_progress",
        "incomplete_details": None,
        "model": model,
        "output": [],
        "error": None,
        "usage": None,
    }
    response |= {name: default if request.get(name) is None else request[name] for name, default in DEFAULTS.items()}
    response["service_tier"] = "default" if response["service_tier"] == "auto" else response["service_tier"]
    response["tools"] = [_tool(tool) for tool in response["tools"]]
    response["tool_choice"] = _choice(response["tool_choice"])
    response["text"] = _text(request.get("text") or {})
    reasoning = request.get("reasoning")
    response["reasoning"] = {"effort": None, "summary": None} | reasoning if reasoning else None
    return response


def usage_object(usage: Usage) -> Json:
    """Tokens, as a response tells them."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def logprobs_object(tokens: Any) -> list[Json]:
    """Log probabilities of tokens, with all their fields; chat and Responses write them alike."""
    return [{**_token(one), "top_logprobs": [_token(other) for other in one.get("top_logprobs") or ()]} for one in tokens or ()]


def error_object(code: str, message: str) -> Json:
    """What a failed response says."""
    return {"code": code, "message": message}


def _token(one: Json) -> Json:
    return {"token": one["token"], "logprob": one["logprob"], "bytes": one.get("bytes") or list(one["token"].encode())}


def _tool(tool: Json) -> Json:
    """A function with all its fields; any other tool as it came, but for what lets it in elsewhere."""
    if tool.get("type") != "function":
        return dict(without_secrets(tool))
    return {"description": None, "parameters": None} | tool | {"strict": bool(tool.get("strict"))}


def without_secrets(value: Any) -> Any:
    """A tool, or tools, without what lets them in elsewhere."""
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if name not in SECRETS}
        return {name: inner if name == SCHEMA else without_secrets(inner) for name, inner in kept.items()}
    return [without_secrets(inner) for inner in value] if isinstance(value, list) else value


def item_without_secrets(item: Any) -> Any:
    """An item of the input that brings tools, without what lets these in elsewhere; any other as it is."""
    return {**item, "tools": without_secrets(item["tools"])} if isinstance(item, dict) and item.get("tools") else item


def _choice(choice: Any) -> Any:
    return {"mode": "auto"} | choice if isinstance(choice, dict) and choice.get("type") == "allowed_tools" else choice


def _text(text: Json) -> Json:
    """With a format that has all its fields, as chat's upstream was told them."""
    form = text.get("format") or {"type": "text"}
    if form.get("type") == "json_schema":
        form = {"description": None, "schema": None} | form | {"strict": bool(form.get("strict"))}
    return {**text, "format": form}
