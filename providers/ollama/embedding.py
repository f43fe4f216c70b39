"""How is Ollama asked for embeddings in OpenAI's format?

Formats: OpenAI's OpenAPI document of August 2026, `/embeddings`; Ollama of August 2026, `api/types.go`, `EmbedRequest` and
`EmbedResponse`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.bytes.halves import told_fields
from providers.bytes.patch import Fields, InvalidJson
from providers.errors import InvalidResponse, Unsupported
from providers.types import Reply, Usage, Wire
from providers.wire.ollama.errors import error_of
from providers.wire.ollama.usage import usage_of
from providers.wire.openai_embedding import json_string_of

OWN = frozenset({"truncate", "options", "keep_alive"})
"""Fields that only Ollama takes."""
CARRIED = OWN | {"input", "dimensions"}
SILENT = frozenset({"model", "encoding_format"})
"""Fields that are done here."""
_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_floats = msgspec.json.Decoder(list[float]).decode


def request_of(fields: Fields) -> tuple[dict[str, msgspec.Raw], int, list[str]]:
    """The fields of the request to Ollama, how many texts it has, and the names of what is left out. Raises 400 `Unsupported`
    for tokens, which Ollama does not take."""
    texts = msgspec.json.decode(fields.raw("input") or b"null")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Unsupported(400, "Ollama embeds text only.", code="unsupported_value", param="input")
    said = {name: raw for name in fields.spans if (raw := fields.raw(name) or b"null") != b"null"}
    left = [name for name in said if name not in CARRIED | SILENT and not name.startswith("tensorzero::")]
    return {name: msgspec.Raw(raw) for name, raw in said.items() if name in CARRIED}, len(texts), left


def answer_of(body: bytes, asked: str, count: int, lossy: tuple[str, ...]) -> Reply:
    """The answer in OpenAI's form, whose `count` embeddings are in the format `asked`. Raises the error that it carries
    instead, or `InvalidResponse`."""
    try:
        fields = told_fields(body)
        rows = _rows(fields.raw("embeddings") or b"null")
        vectors = [_vector(bytes(row), asked) for row in rows]
    except (InvalidJson, msgspec.DecodeError, OverflowError) as error:
        raise _failure(body) from error
    if len(vectors) != count:
        raise InvalidResponse(f"{count} embeddings were asked for, {len(vectors)} came")
    usage = usage_of(fields) or Usage()
    data = [{"object": "embedding", "index": index, "embedding": msgspec.Raw(made)} for index, made in enumerate(vectors)]
    counts = {"prompt_tokens": usage.input_tokens, "total_tokens": usage.input_tokens}
    made: dict[str, Any] = {"object": "list", "data": data, "model": "", "usage": counts}
    text = msgspec.json.encode(made)
    return Reply(wire=Wire.OPENAI_EMBEDDING, body=text, fields=told_fields(text), lossy=lossy)


def _vector(row: bytes, asked: str) -> bytes:
    numbers = _floats(row)
    if not numbers:
        raise InvalidResponse("an embedding has no numbers")
    return json_string_of(numbers) if asked == "base64" else row


def _failure(body: bytes) -> Exception:
    """What stands in the place of embeddings."""
    try:
        return error_of(told_fields(body)) or InvalidResponse("the answer has no embeddings")
    except InvalidJson:
        return InvalidResponse("the answer is not JSON")
