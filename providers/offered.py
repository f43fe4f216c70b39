"""What does an account at a vendor offer? Its list of models, as OpenAI, Anthropic, Gemini, Ollama and others write it.

References: `GET /v1/models` of OpenAI (`data[].id`) and of Anthropic (`data[].id`, `display_name`); Google's `models.list`
(`models[].name`, `supportedGenerationMethods`, `inputTokenLimit`); Ollama's `/api/tags` (`models[].name`). OpenRouter, Mistral,
Together, Groq and vLLM tell more of each model in the same places. What is not told is guessed from the name, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from providers.capabilities import Capability
from providers.errors import InvalidResponse
from providers.http_vendor import HttpVendor, is_good, read_all
from providers.transport import Transport

MOST_BYTES = 8 * 1024 * 1024
MOST_MODELS = 5000
MOST_PAGES = 20
LONGEST_MARK = 2000
LONGEST_ID = 300
CONTEXT = ("context_length", "context_window", "max_context_length", "max_model_len", "inputTokenLimit", "max_input_tokens")
"""Where a context length stands; the first that is there counts."""
OF_METHOD: Mapping[str, Capability] = {
    "generateContent": Capability.CHAT,
    "embedContent": Capability.EMBEDDING,
    "predict": Capability.IMAGE_GENERATION,
}
"""Google's methods."""
OF_WORD: Mapping[str, Capability] = {
    "chat": Capability.CHAT,
    "completion_chat": Capability.CHAT,
    "language": Capability.COMPLETION,
    "embedding": Capability.EMBEDDING,
    "embeddings": Capability.EMBEDDING,
    "rerank": Capability.RERANK,
    "moderation": Capability.MODERATION,
    "image": Capability.IMAGE_GENERATION,
    "audio": Capability.TEXT_TO_SPEECH,
    "transcribe": Capability.AUDIO_TRANSCRIPTION,
    "audio_transcription": Capability.AUDIO_TRANSCRIPTION,
}
"""Words that vendors have for what a model does: as its `type`, or among its `capabilities`."""
NAMED: tuple[tuple[re.Pattern[str], tuple[Capability, ...]], ...] = tuple(
    (re.compile(pattern), able)
    for pattern, able in (
        (r"rerank", (Capability.RERANK,)),
        (r"embed|(^|[/_-])(bge|e5|gte)-", (Capability.EMBEDDING,)),
        (r"moderation", (Capability.MODERATION,)),
        (r"realtime", (Capability.REALTIME,)),
        (r"whisper", (Capability.AUDIO_TRANSCRIPTION, Capability.AUDIO_TRANSLATION)),
        (r"transcribe", (Capability.AUDIO_TRANSCRIPTION,)),
        (r"(^|[/_-])tts|orpheus|kokoro", (Capability.TEXT_TO_SPEECH,)),
        (r"gpt-image|dall-e-2", (Capability.IMAGE_GENERATION, Capability.IMAGE_EDIT)),
        (r"dall-e|flux|stable-diffusion|sdxl|imagen|image", (Capability.IMAGE_GENERATION,)),
        (r"babbage-002|davinci-002|gpt-3\.5-turbo-instruct", (Capability.COMPLETION,)),
        (r"sora|veo-|video", ()),
    )
)
"""What names tell; the first that fits counts, and what fits none chats."""


@dataclass(frozen=True, slots=True)
class Offered:
    """One model of a vendor's: `guessed` says that its name alone tells what it can do. `prices` are US dollars per million
    tokens by "input" and "output", as the vendor tells them; none if it does not."""

    id: str
    capabilities: frozenset[Capability]
    guessed: bool
    context_length: int | None = None
    prices: tuple[tuple[str, float], ...] = ()


async def offered(adapter: HttpVendor, transport: Transport) -> tuple[Offered, ...]:
    """What the account of the adapter's target offers, by id, on whatever number of pages. Raises `ProviderError`,
    `ConfigurationError`."""
    found: dict[str, Offered] = {}
    marks = [""]
    for _ in range(MOST_PAGES):
        told = await _page(adapter, marks[-1], transport)
        found |= {one.id: one for one in _each(_rows(told)[: MOST_MODELS - len(found)])}
        mark = next_mark(told)
        if not mark or mark in marks or len(found) >= MOST_MODELS:
            break
        marks.append(mark)
    return tuple(found[name] for name in sorted(found))


def next_mark(told: Any) -> str:
    """What the page behind this one is asked for with, as Google (`nextPageToken`) or Anthropic (`has_more`, `last_id`) tell it;
    "" if this is the last."""
    if not isinstance(told, dict):
        return ""
    mark = told.get("nextPageToken") or (told.get("last_id") if told.get("has_more") is True else "")
    return mark if isinstance(mark, str) and len(mark) <= LONGEST_MARK else ""


async def _page(adapter: HttpVendor, mark: str, transport: Transport) -> Any:
    stream = await transport.stream(adapter.listing(mark))
    try:
        body = await read_all(stream, MOST_BYTES)
    finally:
        stream.close()
    if not is_good(stream.status):
        raise adapter.wires[adapter.listed_in].failure_of(stream.status, stream.headers, body)
    if len(body) >= MOST_BYTES:
        raise InvalidResponse(f"the list of models is longer than {MOST_BYTES} bytes")
    return _decoded(body)


def read(body: bytes) -> tuple[Offered, ...]:
    """The models of a list of one page. Raises `InvalidResponse` for what is none."""
    found = {one.id: one for one in _each(_rows(_decoded(body))[:MOST_MODELS])}
    return tuple(found[name] for name in sorted(found))


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidResponse("the list of models is not JSON") from error


def _rows(told: Any) -> list[Any]:
    rows = (told.get("data") or told.get("models") or []) if isinstance(told, dict) else told
    if not isinstance(rows, list) or (isinstance(told, dict) and not {"data", "models"} & told.keys()):
        raise InvalidResponse("the answer has no list of models")
    return rows


def _each(rows: list[Any]) -> Iterator[Offered]:
    for row in rows:
        name = (row.get("id") or row.get("name")) if isinstance(row, dict) else None
        if isinstance(name, str) and 0 < len(name) <= LONGEST_ID and name.isprintable():
            name = name.removeprefix("models/")
            told = frozenset(_told(row))
            yield Offered(name, told or guess(name), not told, _context(row), tuple(_prices(row.get("pricing"))))


def guess(name: str) -> frozenset[Capability]:
    """What a model of that name probably does."""
    return frozenset(next((able for pattern, able in NAMED if pattern.search(name.lower())), (Capability.CHAT,)))


def _told(row: Mapping[str, Any]) -> Iterator[Capability]:
    if isinstance(methods := row.get("supportedGenerationMethods"), list):
        yield from (OF_METHOD[one] for one in methods if isinstance(one, str) and one in OF_METHOD)
    if isinstance(kind := row.get("type"), str) and kind in OF_WORD:
        yield OF_WORD[kind]
    if isinstance(able := row.get("capabilities"), dict):
        yield from (OF_WORD[name] for name, has in able.items() if has is True and name in OF_WORD)
    made = row.get("architecture")
    if isinstance(made, dict) and isinstance(out := made.get("output_modalities"), list):
        words = {"text": Capability.CHAT, "image": Capability.IMAGE_GENERATION, "embeddings": Capability.EMBEDDING}
        yield from (words[one] for one in out if isinstance(one, str) and one in words)


def _context(row: Mapping[str, Any]) -> int | None:
    values = (row.get(name) for name in CONTEXT)
    return next((one for one in values if isinstance(one, int) and not isinstance(one, bool) and 0 < one < 2**31), None)


def _prices(told: object) -> Iterator[tuple[str, float]]:
    """OpenRouter tells texts of dollars for one token, Together numbers of dollars for a million."""
    if not isinstance(told, dict):
        return
    for ours, one, million in (("input", "prompt", "input"), ("output", "completion", "output")):
        try:
            value = float(told[one]) * 1e6 if one in told else float(told[million])
        except (KeyError, TypeError, ValueError):
            continue
        if 0 < value < 1e6:
            yield ours, round(value, 6)
