"""How are documents ranked by models of Bedrock?

Formats: "Cohere Rerank" and "Amazon Rerank" in the user guide of Bedrock, "Inference request parameters and response fields":
both answer as Cohere's own `/rerank`, and take texts only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from providers.bytes.patch import Fields, fields_of
from providers.errors import InvalidResponse, Unsupported
from providers.types import Call, Reply

VERSION = 2
"""Of Cohere's API, which its models want to be told."""
READ = frozenset({"model", "query", "documents", "top_n", "return_documents"})
OWN = frozenset({"max_tokens_per_doc"})
_items = msgspec.json.Decoder(list[dict[str, Any]]).decode


@dataclass(frozen=True, slots=True)
class Asked:
    """The body, what of the request the model is not told, and the documents to be given back, none if they are not wanted."""

    body: bytes
    lossy: tuple[str, ...]
    documents: tuple[str, ...] = ()


def asked(call: Call, model: str) -> Asked:
    """What the model is asked. Raises `Unsupported` for what it cannot take."""
    given: dict[str, Any] = msgspec.json.decode(call.body)
    texts = [_text(document) for document in given.get("documents") or ()]
    cohere = "cohere" in model
    own = OWN if cohere else frozenset()
    said = (name for name, value in given.items() if value is not None and not name.startswith("tensorzero::"))
    lossy = tuple(name for name in said if name not in READ | own)
    if lossy and call.strict:
        message = f"This model's provider does not take the parameter {lossy[0]!r}."
        raise Unsupported(400, message, code="unsupported_parameter", param=lossy[0])
    body: dict[str, Any] = {"query": _text(given.get("query")), "documents": texts, "top_n": given.get("top_n") or len(texts)}
    body |= {"api_version": VERSION} if cohere else {}
    body |= {name: given[name] for name in own if given.get(name) is not None}
    return Asked(msgspec.json.encode(body), lossy, tuple(texts) if given.get("return_documents") else ())


def _text(document: Any) -> str:
    """A document as a text: the one that it has, or all of it."""
    if isinstance(document, str):
        return document
    if isinstance(document, dict) and isinstance(document.get("text"), str):
        return str(document["text"])
    return msgspec.json.encode(document).decode()


def reply(call: Call, asked: Asked, fields: Fields) -> Reply:
    """The answer, with the documents if they are wanted. Raises `InvalidResponse`."""
    try:
        items = _items(fields.raw("results") or b"null")
        if asked.documents:
            items = [{**item, "document": {"text": asked.documents[item["index"]]}} for item in items]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError) as error:
        raise InvalidResponse("the ranks cannot be read") from error
    body = msgspec.json.encode({"model": call.model, "results": items})
    return Reply(wire=call.wire, body=body, fields=fields_of(body), lossy=asked.lossy)
