"""What does an Ollama server say? Answers of its own API and of its OpenAI-compatible paths, for `vendor` to play."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.vendor import Said, Seen, said

Json = dict[str, Any]
MODEL = "llama3.2:3b"
TIMES = {
    "total_duration": 5589157167,
    "load_duration": 3013701500,
    "prompt_eval_duration": 1160282000,
    "eval_duration": 1325948000,
}
COUNTS = {"prompt_eval_count": 26, "eval_count": 298}
HEAD = {"model": MODEL, "created_at": "2026-08-21T18:48:22.123456789Z"}
END = {"done": True, "done_reason": "stop", **TIMES, **COUNTS}


def lines(*values: Json) -> Said:
    """A stream of lines."""
    return Said(content_type="application/x-ndjson", chunks=[json.dumps(value).encode() + b"\n" for value in values])


def piece(text: str, **more: Any) -> Json:
    return {**HEAD, "message": {"role": "assistant", "content": text, **more}, "done": False}


def last(**more: Any) -> Json:
    return {**HEAD, "message": {"role": "assistant", "content": ""}, **END, **more}


def chat(seen: Seen) -> Said:
    """`Hello there.`, as it was asked for."""
    if seen.json.get("stream") is False:
        return said({**last(), "message": {"role": "assistant", "content": "Hello there."}, "x_own": [1.5]})
    return lines(piece("Hello"), piece(" there."), last(x_own=[1.5]))


def generate(seen: Seen) -> Said:
    whole = {**HEAD, "response": "Hello there.", **END, "context": [1, 2, 3]}
    if seen.json.get("stream") is False:
        return said(whole)
    return lines({**HEAD, "response": "Hello there.", "done": False}, {**whole, "response": ""})


def embed(seen: Seen) -> Said:
    texts = seen.json["input"]
    vectors = [[0.5, -0.25, 1.0]] * (1 if isinstance(texts, str) else len(texts))
    return said({"model": MODEL, "embeddings": vectors, "total_duration": 14143917, "prompt_eval_count": 8})


ANSWERS = {"/api/chat": chat, "/api/generate": generate, "/api/embed": embed}
