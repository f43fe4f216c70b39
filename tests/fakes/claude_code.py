"""What does Claude Code send? Requests in the shape of version 2.1.332 of November 2026, as seen on the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]
PATH = "/v1/messages?beta=true"
BETAS = (
    "claude-code-20250219",
    "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27",
    "per-turn-control-2026-07-01",
    "mid-conversation-tool-changes-2026-07-01",
    "thinking-token-count-2026-05-13",
    "advanced-tool-use-2025-11-20",
    "effort-2025-11-24",
)
SESSION = "5f1c6a52-2f1c-4df0-9f5c-7f9f5a3c1b2d"
HEADERS = {
    "accept": "application/json",
    "anthropic-beta": ",".join(BETAS),
    "anthropic-dangerous-direct-browser-access": "true",
    "anthropic-version": "2023-06-01",
    "user-agent": "claude-cli/2.1.332 (external, sdk-cli)",
    "x-app": "cli",
    "x-claude-code-session-id": SESSION,
    "x-stainless-lang": "js",
    "x-stainless-package-version": "0.128.0",
    "x-stainless-retry-count": "0",
    "x-stainless-timeout": "600",
}
CACHED: Json = {"cache_control": {"type": "ephemeral"}}
SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"file_path": {"type": "string"}},
    "required": ["file_path"],
    "additionalProperties": False,
}
TOOLS: Sequence[Json] = (
    {"name": "Read", "description": "Reads a file.", "input_schema": SCHEMA},
    {"name": "Bash", "description": "Runs a command.", "input_schema": {**SCHEMA, "properties": {"command": {"type": "string"}}}},
    {"name": "mcp__issues__list", "description": "Lists issues.", "input_schema": {"type": "object"}, "defer_loading": True},
)
ASKED: Json = {"role": "user", "content": [{"type": "text", "text": "What is in a.txt and b.txt?", **CACHED}]}
REMINDED: Json = {
    "role": "system",
    "content": [{"type": "text", "text": "The user opened c.txt.", **CACHED}],
    "output_config": {"effort": "high"},
}
"""A message of the system in the midst of the conversation, with a setting of its own."""


def body(model: str, messages: Sequence[Json], turn: int = 0, **fields: Any) -> Json:
    """A request of one turn: the first block of the system changes with each."""
    user = {"device_id": "d" * 64, "account_uuid": "", "session_id": SESSION}
    return {
        "model": model,
        "max_tokens": 128000,
        "messages": list(messages),
        "system": [
            {"type": "text", "text": f"x-anthropic-billing-header: cc_version=2.1.332.{turn}; cc_entrypoint=sdk-cli;"},
            {"type": "text", "text": "You are a coding agent.", **CACHED},
            {"type": "text", "text": "The directory is /tmp/project.", **CACHED},
        ],
        "tools": list(TOOLS),
        "metadata": {"user_id": json.dumps(user)},
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
        "stream": True,
        **fields,
    }


def results(content: Sequence[Json], *texts: str, **more: Any) -> Json:
    """The user's message with the result of each call in an answer."""
    calls = [block for block in content if block["type"] == "tool_use"]
    blocks = [
        {"type": "tool_result", "tool_use_id": call["id"], "content": text, "is_error": False}
        for call, text in zip(calls, texts, strict=True)
    ]
    return {"role": "user", "content": [*blocks[:-1], {**blocks[-1], **more}]}
