"""How are texts made numbers by models of Bedrock? Titan takes one text a call, Cohere's models up to 96.

Formats: "Amazon Titan Text Embeddings", "Amazon Titan Multimodal Embeddings", "Cohere Embed v3" and "v4" in the user guide of
Bedrock, "Inference request parameters and response fields"; OpenAI's `/embeddings` for the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from providers.bedrock.models import Form
from providers.bytes.patch import fields_of
from providers.errors import InvalidResponse, ProviderError, Unsupported
from providers.types import Call, Reply
from providers.wire.openai_embedding import format_of, json_string_of

AT_ONCE = 8
"""Calls of one request that run side by side."""
MOST_TEXTS = 2048
"""Of one request, as at OpenAI."""
MOST_OF_COHERE = 96
TOKENS = b"x-amzn-bedrock-input-token-count"
PURPOSE = "search_document"
"""What Cohere's models are told that texts are for, unless the client says it (`input_type`)."""
DIMENSIONS = {Form.TITAN_2: "dimensions", Form.TITAN_IMAGE: "outputEmbeddingLength", Form.COHERE_4: "output_dimension"}
COHERES = (Form.COHERE, Form.COHERE_4)
OWN = {Form.TITAN_2: ("normalize",), **dict.fromkeys(COHERES, ("input_type", "truncate"))}
"""Fields of a model's own that a client may send."""
READ = frozenset({"model", "input", "encoding_format"})


class Told(msgspec.Struct, frozen=True):
    """Numbers of some texts, and the tokens that these had, if they are told."""

    vectors: list[list[float]]
    tokens: int | None = None

    def __len__(self) -> int:
        """About as many bytes as they are as text."""
        return sum(map(len, self.vectors)) * 12


class _Answer(msgspec.Struct):
    embedding: list[float] | None = None
    embeddings: list[list[float]] | dict[str, list[list[float]]] | None = None
    tokens: int | None = msgspec.field(default=None, name="inputTextTokenCount")


_answer = msgspec.json.Decoder(_Answer).decode


@dataclass(frozen=True, slots=True)
class Asked:
    """The bodies of the calls, and what of the request the model is not told."""

    bodies: tuple[bytes, ...]
    lossy: tuple[str, ...]


def asked(call: Call, form: Form | None) -> Asked:
    """What the model is asked. Raises `Unsupported` for what it cannot take."""
    if form is None:
        raise Unsupported(400, "This model of Bedrock gives no embeddings.", code="unsupported_value", param="model")
    given = msgspec.json.decode(call.fields.raw("input") or b"null")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        message = "Models of Bedrock take texts, no tokens."
        raise Unsupported(400, message, code="unsupported_value", param="input")
    if len(texts) > MOST_TEXTS:
        message = f"The field 'input' has {len(texts)} texts; at most {MOST_TEXTS} are allowed."
        raise Unsupported(400, message, code="invalid_value", param="input")
    more, lossy = _more(call, form)
    if lossy and call.strict:
        message = f"This model's provider does not take the parameter {lossy[0]!r}."
        raise Unsupported(400, message, code="unsupported_parameter", param=lossy[0])
    return Asked(tuple(msgspec.json.encode(body) for body in _bodies(texts, form, more)), lossy)


def _more(call: Call, form: Form) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The further fields of the model's form, and the names of those that it has not."""
    more: dict[str, Any] = {}
    lossy: list[str] = []
    for name in call.fields.spans:
        raw = call.fields.raw(name)
        if name in READ or name.startswith("tensorzero::") or raw in (None, b"null"):
            continue
        if name == "dimensions" and form in DIMENSIONS:
            more[DIMENSIONS[form]] = msgspec.json.decode(raw or b"null")
        elif name in OWN.get(form, ()):
            more[name] = msgspec.json.decode(raw or b"null")
        else:
            lossy.append(name)
    return more, tuple(lossy)


def _bodies(texts: Sequence[str], form: Form, more: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if form in COHERES:
        for start in range(0, len(texts), MOST_OF_COHERE):
            part = texts[start : start + MOST_OF_COHERE]
            yield {"texts": part, "input_type": PURPOSE, "embedding_types": ["float"], **more}
        return
    if form is Form.TITAN_IMAGE and more:
        more = {"embeddingConfig": more}
    for text in texts:
        yield {"inputText": text, **more}


async def gathered(ask: Callable[[bytes], Awaitable[Told]], bodies: Sequence[bytes]) -> list[Told]:
    """What all calls tell, in their order, a few at a time. Raises the first failure."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(body: bytes) -> Told:
        async with few:
            return await ask(body)

    if len(bodies) == 1:
        return [await ask(bodies[0])]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(body)) for body in bodies]
    except* ProviderError as failed:
        raise _first(failed) from None
    return [task.result() for task in tasks]


def _first(group: BaseExceptionGroup[ProviderError]) -> ProviderError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def told(body: bytes, tokens: bytes | None) -> Told:
    """What one call tells. Raises `InvalidResponse`."""
    try:
        answer = _answer(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidResponse("the embeddings cannot be read") from error
    found = answer.embeddings.get("float") if isinstance(answer.embeddings, dict) else answer.embeddings
    vectors = [answer.embedding] if answer.embedding is not None else found
    if not vectors or not all(vectors):
        raise InvalidResponse("the answer holds no embeddings")
    known = int(tokens) if tokens is not None and tokens.isdigit() else answer.tokens
    return Told(vectors, known)


def reply(call: Call, asked: Asked, parts: Sequence[Told]) -> Reply:
    """The answer in OpenAI's form."""
    vectors = [vector for part in parts for vector in part.vectors]
    as_text = format_of(call.fields) == "base64"
    values: list[Any] = [msgspec.Raw(json_string_of(vector)) for vector in vectors] if as_text else vectors
    data = [{"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(values)]
    made: dict[str, Any] = {"object": "list", "data": data, "model": call.model}
    if all(part.tokens is not None for part in parts):
        tokens = sum(part.tokens or 0 for part in parts)
        made["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    body = msgspec.json.encode(made)
    return Reply(wire=call.wire, body=body, fields=fields_of(body), lossy=asked.lossy)
