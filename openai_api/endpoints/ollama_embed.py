"""What do `POST /api/embed` and the older `POST /api/embeddings` ask for? Texts, told in OpenAI's format.

Format: Ollama of August 2026, `api/types.go`, `EmbedRequest`, `EmbeddingRequest` and their answers. What of it OpenAI's format
has no word for goes to Ollama servers alone; for others it is left out and named.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import msgspec

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.ollama_call import Asked, OllamaRequest, entry_of, request_in, serving
from providers.bytes.patch import patch
from providers.capabilities import Capability
from providers.convert.calling import ask
from providers.convert.converted import left_out
from providers.transport import Transport
from providers.types import Answered, Call, Reply, Target, Wire
from providers.wire.ollama.times import nanoseconds

OWN = ("truncate", "options", "keep_alive")
"""Fields that only Ollama takes."""
SAYING_NOTHING = (None, b"null", b"{}", b"true")


class EmbedRequest(OllamaRequest, kw_only=True):
    input: str | list[str] | None = None
    dimensions: int | None = None
    truncate: bool | None = None
    options: dict[str, Any] | None = None


class EmbeddingsRequest(OllamaRequest, kw_only=True):
    prompt: str | None = None
    options: dict[str, Any] | None = None


class _Item(msgspec.Struct):
    embedding: msgspec.Raw


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0


class _Answer(msgspec.Struct):
    data: list[_Item]
    model: str = ""
    usage: _Usage | None = None


_decode_embed = msgspec.json.Decoder(EmbedRequest).decode
_decode_embeddings = msgspec.json.Decoder(EmbeddingsRequest).decode
_answer = msgspec.json.Decoder(_Answer).decode


def decode_embed(inbound: Inbound) -> Asked | bytes:
    """The call of `/api/embed`; without texts the answer that the model is loaded. Raises `ApiError`."""
    request, _ = request_in(inbound, _decode_embed)
    body: dict[str, Any] = {"model": request.model, "input": request.input, "truncate": request.truncate}
    if request.dimensions is not None and request.dimensions > 0:
        body["dimensions"] = request.dimensions

    def shape(answer: bytes) -> bytes:
        told = _answer(answer)
        times = {"total_duration": nanoseconds(perf_counter() - inbound.record.clock), "load_duration": 0}
        counted = {"prompt_eval_count": told.usage.prompt_tokens if told.usage else 0}
        return msgspec.json.encode(
            {"model": told.model, "embeddings": [item.embedding for item in told.data], **times, **counted}
        )

    nothing = msgspec.json.encode({"model": request.model, "embeddings": []})
    return _asked(inbound, request, body, shape, nothing)


def decode_embeddings(inbound: Inbound) -> Asked | bytes:
    """The call of `/api/embeddings`, which has one text and one answer. Raises `ApiError`."""
    request, _ = request_in(inbound, _decode_embeddings)

    def shape(answer: bytes) -> bytes:
        return b'{"embedding":%b}' % bytes(_answer(answer).data[0].embedding)

    return _asked(inbound, request, {"model": request.model, "input": request.prompt}, shape, b'{"embedding":[]}')


def _asked(
    inbound: Inbound, request: Any, body: dict[str, Any], shape: Callable[[bytes], bytes], nothing: bytes
) -> Asked | bytes:
    secrets = secrets_of(request.credentials)
    call = make_call(inbound, Capability.EMBEDDING, Wire.OPENAI_EMBEDDING, request.model, credentials=secrets)
    entry = entry_of(inbound, request.model, Capability.EMBEDDING)
    if not body["input"]:
        return nothing
    said = {**body, "options": request.options, "keep_alive": request.keep_alive}
    call = call.with_body(msgspec.json.encode({name: value for name, value in said.items() if value is not None}))
    return Asked(call, entry, {"ask": _ask, "shape": shape})


async def _ask(target: Target, call: Call, transport: Transport) -> Answered:
    """An Ollama server is told all; others without the fields that they do not know."""
    if getattr(target.adapter, "native_embedding", False):
        return await ask(target, call, transport)
    own = tuple(name for name in OWN if name in call.fields.spans)
    names = left_out(call, tuple(name for name in own if call.fields.raw(name) not in SAYING_NOTHING))
    answer = await ask(target, call.with_body(patch(call.fields, dict.fromkeys(own))) if own else call, transport)
    if isinstance(answer, Reply) and names:
        return msgspec.structs.replace(answer, lossy=(*names, *answer.lossy))
    return answer


embed, embeddings = serving(decode_embed), serving(decode_embeddings)
