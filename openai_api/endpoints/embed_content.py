"""What do `POST /v1beta/models/{model}:embedContent` and `:batchEmbedContents` ask for, and how are they answered?

Format: google-genai 3.6. They become a call for embeddings as OpenAI has it, which every provider with embeddings answers. What
only Google's models know (`taskType`, `title`) reaches them alone.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from openai_api.context import Inbound
from openai_api.endpoints.call import make_call, secrets_of
from openai_api.endpoints.gemini_path import model_of, values_of
from openai_api.endpoints.json_body import json_object
from openai_api.errors import ApiError, invalid
from providers.bytes.patch import Fields, patch
from providers.capabilities import Capability
from providers.convert.calling import ask
from providers.convert.converted import left_out
from providers.transport import Transport
from providers.types import Answered, Call, Reply, Target, Wire

Json = dict[str, Any]
CONFIG = MappingProxyType({"taskType": "task_type", "title": "title", "outputDimensionality": "dimensions"})
"""The settings of a request, and their names in the call."""
GOOGLES = MappingProxyType({"task_type": "taskType", "title": "title"})
WITHIN = ("embedContentConfig", "embed_content_config")
CREDENTIALS = "tensorzero::credentials"


def decode(inbound: Inbound) -> Call:
    """The call for one content. Raises 400 `ApiError`s that name the field at fault."""
    fields = json_object(inbound.body)
    return _call(inbound, fields, [_object_of(fields)], "")


def decode_batch(inbound: Inbound) -> Call:
    """The call for several contents. Raises as `decode`."""
    fields = json_object(inbound.body)
    requests = values_of(fields.raw("requests"))
    if not isinstance(requests, list) or not requests or not all(isinstance(one, dict) for one in requests):
        raise invalid("invalid_value", "The field 'requests' must be a list of requests, at least one.", "requests")
    return _call(inbound, fields, requests, "requests")


async def ask_embeddings(target: Target, call: Call, transport: Transport) -> Answered:
    """As `ask`; what the target's provider has no word for is left out and named. Raises `ProviderError`."""
    takes: frozenset[str] = getattr(target.adapter, "embedding_fields", frozenset())
    names = [name for name in GOOGLES if name in call.fields.spans and name not in takes]
    lossy = left_out(call, tuple(GOOGLES[name] for name in names))
    if not names:
        return await ask(target, call, transport)
    answer = await ask(target, call.with_body(patch(call.fields, dict.fromkeys(names))), transport)
    return msgspec.structs.replace(answer, lossy=(*lossy, *answer.lossy)) if isinstance(answer, Reply) else answer


def one(body: bytes) -> bytes:
    """The answer to one request, in Gemini's form."""
    told, usage = _read(body)
    return msgspec.json.encode({"embedding": told[0], **usage})


def several(body: bytes) -> bytes:
    """The answer to several requests, in Gemini's form."""
    told, usage = _read(body)
    return msgspec.json.encode({"embeddings": told, **usage})


Shape = Callable[[bytes], bytes]


class _Item(msgspec.Struct):
    embedding: msgspec.Raw


class _Answer(msgspec.Struct):
    data: list[_Item]
    usage: Any = None


_answer = msgspec.json.Decoder(_Answer).decode


def _read(body: bytes) -> tuple[list[Json], Json]:
    answer = _answer(body)
    tokens = answer.usage.get("prompt_tokens") if isinstance(answer.usage, dict) else None
    usage = {"usageMetadata": {"promptTokenCount": tokens}} if isinstance(tokens, int) and tokens else {}
    return [{"values": item.embedding} for item in answer.data], usage


def _call(inbound: Inbound, fields: Fields, requests: list[Json], within: str) -> Call:
    texts = [_text(each, f"{within}[{at}]." if within else "") for at, each in enumerate(requests)]
    config = _config(requests[0])
    for at, each in enumerate(requests):
        if _config(each) != config:
            message = f"All requests must have the same {', '.join(CONFIG)}; 'requests[{at}]' differs from the first."
            raise invalid("unsupported_value", message, f"requests[{at}]")
    body = msgspec.json.encode({"model": model_of(inbound), "input": texts, "encoding_format": "float", **config})
    credentials = values_of(fields.raw(CREDENTIALS))
    named = credentials.items() if isinstance(credentials, dict) else ()
    secrets = secrets_of({name: value for name, value in named if isinstance(value, str)})
    call = make_call(inbound, Capability.EMBEDDING, Wire.OPENAI_EMBEDDING, model_of(inbound), credentials=secrets)
    return call.with_body(body)


def _config(request: Json) -> Json:
    settings = {**request, **next((found for name in WITHIN if isinstance(found := request.get(name), dict)), {})}
    values = {own: settings.get(name, settings.get(_snake(name))) for name, own in CONFIG.items()}
    return {name: value for name, value in values.items() if value is not None}


def _text(request: Json, place: str) -> str:
    """The text of a content. Several parts are one text, a line each."""
    content = request.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    parts = [parts] if isinstance(parts, dict) else parts
    if not isinstance(parts, list) or not parts:
        raise invalid("missing_required_parameter", f"The field '{place}content.parts' is required.", f"{place}content.parts")
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    said = [text for text in texts if isinstance(text, str)]
    if len(said) < len(texts):
        raise _no_text(f"{place}content.parts[{texts.index(None) if None in texts else 0}]")
    return "\n".join(said)


def _no_text(place: str) -> ApiError:
    return invalid("unsupported_value", f"Embeddings are made of text here; {place!r} has none.", place)


def _object_of(fields: Fields) -> Json:
    value: Json = msgspec.json.decode(fields.body)
    return value


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
