"""What does the offline provider say, count and judge besides chat? Completions, embeddings, moderations, rerank."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import shake_256
from math import sqrt
from typing import Any

import msgspec

from providers.dummy.chat import END, Json, echo, event, pieces
from providers.dummy.request import fields_of_call, read
from providers.errors import CallerError
from providers.types import Call
from providers.wire.openai_embedding import floats_of, json_string_of

DIMENSIONS, MAX_DIMENSIONS = 1536, 8192
CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
WORD = re.compile(r"\w+")


class _Embedding(msgspec.Struct):
    input: str | list[Any] = ""
    dimensions: int | None = None
    encoding_format: str | None = None


class _Rerank(msgspec.Struct):
    query: str | Json = ""
    documents: list[str | Json] = []
    top_n: int | None = None
    return_documents: bool | None = None


def usage(sent: int, received: int) -> Json:
    return {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}


# Completions


def completion(call: Call, model: str) -> Json:
    texts = _completions(call)
    choices = [{"index": number, "text": text, "finish_reason": "stop", "logprobs": None} for number, text in enumerate(texts)]
    counted = usage(len(call.body) // 4, sum(len(text) // 4 + 1 for text in texts))
    return {**_frame("cmpl", "text_completion", model), "choices": choices, "usage": counted}


def completion_events(call: Call, model: str) -> tuple[Iterator[bytes], bytes]:
    """The events with words, and those at the end."""
    whole = completion(call, model)
    frame = {name: whole[name] for name in ("id", "object", "created", "model")}

    def chunk(number: int, text: str, finish: str | None = None) -> Json:
        return {**frame, "choices": [{"index": number, "text": text, "finish_reason": finish, "logprobs": None}]}

    choices = whole["choices"]
    words = (event(chunk(choice["index"], part)) for choice in choices for part in pieces(choice["text"]))
    ends = b"".join(event(chunk(choice["index"], "", "stop")) for choice in choices)
    return words, ends + event({**frame, "choices": [], "usage": whole["usage"]}) + END


def _completions(call: Call) -> list[str]:
    prompt = fields_of_call(call).get("prompt")
    prompts = prompt if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else [prompt]
    return [echo(one if isinstance(one, str) else "") for one in prompts]


# Embeddings


def embeddings(call: Call, model: str) -> Json:
    """Vectors of length 1, drawn from a hash of each input."""
    asked = read(fields_of_call(call), _Embedding)
    size = DIMENSIONS if asked.dimensions is None else asked.dimensions
    if not 1 <= size <= MAX_DIMENSIONS:
        message = f"The dimensions must be between 1 and {MAX_DIMENSIONS}."
        raise CallerError(400, message, code="invalid_value", param="dimensions")
    whole = isinstance(asked.input, str) or all(isinstance(item, int) for item in asked.input)
    inputs = [asked.input] if whole else asked.input
    packed = [_vector(msgspec.json.encode(one), size) for one in inputs]
    vectors = packed if asked.encoding_format == "base64" else [floats_of(one) for one in packed]
    data = [{"object": "embedding", "index": number, "embedding": vector} for number, vector in enumerate(vectors)]
    tokens = len(call.body) // 4
    return {"object": "list", "model": model, "data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def _vector(text: bytes, size: int) -> str:
    drawn = shake_256(text).digest(size)
    numbers = [byte - 127.5 for byte in drawn]
    length = sqrt(sum(number * number for number in numbers))
    return json_string_of([number / length for number in numbers])[1:-1].decode()


# Moderations


def moderation(call: Call, model: str) -> Json:
    """A category is found where its name stands in a text."""
    given = fields_of_call(call).get("input")
    multimodal = isinstance(given, list) and given and isinstance(given[0], Mapping)
    inputs = given if isinstance(given, list) and not multimodal else [given]
    return {"id": "modr-dummy", "model": model, "results": [_judged(one) for one in inputs]}


def _judged(given: Any) -> Json:
    given = given if isinstance(given, list) else [{"type": "text", "text": given}]
    parts = [part for part in given if isinstance(part, dict)]
    text = " ".join(str(part.get("text", "")) for part in parts).lower()
    kinds = sorted({"image" if part.get("type") == "image_url" else "text" for part in parts})
    found = {name: name in text for name in CATEGORIES}
    return {
        "flagged": any(found.values()),
        "categories": found,
        "category_scores": {name: 0.99 if is_there else 0.01 for name, is_there in found.items()},
        "category_applied_input_types": dict.fromkeys(CATEGORIES, kinds),
    }


# Rerank


def rerank(call: Call, model: str) -> Json:
    """A document is as relevant as the part of the query's words that it holds."""
    asked = read(fields_of_call(call), _Rerank)
    wanted = _words(asked.query)
    scores = [len(wanted & _words(document)) / max(len(wanted), 1) for document in asked.documents]
    order = sorted(range(len(scores)), key=lambda number: -scores[number])[: asked.top_n]
    results = [_ranked(number, scores, asked.documents, shown=bool(asked.return_documents)) for number in order]
    return {"id": "rerank-dummy", "model": model, "results": results, "usage": {"total_tokens": len(call.body) // 4}}


def _ranked(number: int, scores: Sequence[float], documents: Sequence[str | Json], *, shown: bool) -> Json:
    result: Json = {"index": number, "relevance_score": scores[number]}
    document = documents[number]
    return {**result, "document": {"text": document} if isinstance(document, str) else document} if shown else result


def _words(value: str | Json) -> set[str]:
    text = value if isinstance(value, str) else " ".join(str(part) for part in value.values())
    return set(WORD.findall(text.lower()))


# What they share


def _frame(prefix: str, kind: str, model: str) -> Json:
    return {"id": f"{prefix}-dummy", "object": kind, "created": int(time.time()), "model": model}
