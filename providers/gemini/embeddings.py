"""How are OpenAI's embeddings asked of Google, and what does it answer?

Formats: `batchEmbedContents` of the Generative Language API, `batchEmbedContents` and `predict` of Vertex AI, as google-genai 3.6
sends them; OpenAI's document of August 2026, `/embeddings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.patch import Fields
from providers.errors import InvalidResponse, Unsupported

Json = dict[str, Any]
MANY = 100
"""Texts in one request, at most."""
KNOWN = frozenset({"model", "input", "encoding_format", "dimensions", "task_type", "title", "auto_truncate"})
"""Fields that are sent, or that the gateway itself heeds; `task_type`, `title` and `auto_truncate` are Google's."""
CONFIG = MappingProxyType({"task_type": "taskType", "title": "title", "dimensions": "outputDimensionality"})
VERTEX_CONFIG = MappingProxyType({**CONFIG, "auto_truncate": "autoTruncate"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What an embedding call asks for. `left` are its fields that Google has no word for."""

    texts: tuple[str, ...]
    values: Mapping[str, Any]
    left: tuple[str, ...]


def asked(fields: Fields) -> Asked:
    """Reads a call. Raises `Unsupported` for tokens, which are another model's."""
    given = msgspec.json.decode(fields.raw("input") or b"null")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        message = "Google's embedding models take texts, not tokens."
        raise Unsupported(400, message, code="unsupported_value", param="input")
    names = [name for name in fields.spans if not name.startswith("tensorzero::")]
    values = {name: msgspec.json.decode(fields.raw(name) or b"null") for name in names if name in VERTEX_CONFIG}
    left = tuple(name for name in names if name not in KNOWN and fields.raw(name) != b"null")
    return Asked(tuple(texts), {name: value for name, value in values.items() if value is not None}, left)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask: the verb, the bodies that ask for all texts, and how their answers are read."""

    verb: str
    bodies: Sequence[Json]


def studio(wanted: Asked, model: str) -> Way:
    """How AI Studio is asked; `model` is its name there, `models/M`."""
    config = _named(wanted.values, CONFIG)
    requests = [{"model": model, "content": _content(text), **config} for text in wanted.texts]
    return Way("batchEmbedContents", _batches(requests, "requests"))


def vertex(wanted: Asked, model: str) -> Way:
    """How Vertex is asked: Gemini's models by their contents, older ones to predict."""
    config = _named(wanted.values, VERTEX_CONFIG)
    if "gemini" in model.rpartition("/")[2]:
        more = {"embedContentConfig": config} if config else {}
        return Way("batchEmbedContents", _batches([{"content": _content(text), **more} for text in wanted.texts], "requests"))
    own = {name: wanted.values[name] for name in ("task_type", "title") if name in wanted.values}
    parameters = {name: value for name, value in config.items() if name in ("outputDimensionality", "autoTruncate")}
    bodies = _batches([{"content": text, **own} for text in wanted.texts], "instances")
    return Way("predict", [{**body, **({"parameters": parameters} if parameters else {})} for body in bodies])


def answer(answers: Iterable[Json], model: str, texts: int) -> Json:
    """OpenAI's answer to all texts. Raises `InvalidResponse` if there is not one embedding for each."""
    try:
        found = [item for each in answers for item in _embeddings(each)]
        data = [{"object": "embedding", "index": at, "embedding": values} for at, (values, _) in enumerate(found)]
        tokens = sum(count for _, count in found)
    except (TypeError, KeyError, AttributeError) as error:
        raise InvalidResponse("the embeddings cannot be read") from error
    if len(data) != texts:
        raise InvalidResponse(f"{texts} embeddings were asked for, and {len(data)} came")
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def _embeddings(told: Json) -> Iterable[tuple[list[float], int]]:
    """Each embedding of an answer and its tokens; those that are told for the whole answer are the first one's."""
    whole = (told.get("usageMetadata") or {}).get("promptTokenCount")
    items = [item["embeddings"] for item in told["predictions"]] if "predictions" in told else told["embeddings"]
    for at, item in enumerate(items):
        if not isinstance(item["values"], list):
            raise TypeError("no list")
        statistics = item.get("statistics") or {}
        own = statistics.get("token_count") or statistics.get("tokenCount") or 0
        yield item["values"], int(own if whole is None else 0 if at else whole)


def _content(text: str) -> Json:
    return {"parts": [{"text": text}]}


def _named(values: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    return {names[name]: value for name, value in values.items() if name in names}


def _batches(items: Sequence[Json], name: str) -> list[Json]:
    return [{name: items[start : start + MANY]} for start in range(0, len(items), MANY)]
