"""How are documents given in the order of their relevance? As Cohere and Jina do, whatever the upstream's form.

Formats: Cohere's and Jina's `/rerank`: `results[{index, relevance_score, document{text}}]`. Voyage's of 2026:
`data[{index, relevance_score, document}]`, the document a bare text.
"""

from __future__ import annotations

from typing import Any

import msgspec

from providers.bytes.patch import fields_of, patch
from providers.errors import InvalidResponse
from providers.types import Reply

_items = msgspec.json.Decoder(list[dict[str, Any]]).decode


def in_results(reply: Reply) -> Reply:
    """An answer in Voyage's form in the common one. Raises `InvalidResponse` for one that cannot be read."""
    fields = reply.fields
    assert fields is not None, "it is JSON"  # noqa: S101
    ranks = fields.raw("data") or b""
    try:
        items = _items(ranks)
    except msgspec.DecodeError as error:
        raise InvalidResponse("the documents cannot be read") from error
    if any("document" in item for item in items):
        ranks = msgspec.json.encode([_with_text(item) for item in items])
    body = patch(fields, {"data": None, "results": ranks})
    return Reply(wire=reply.wire, body=body, fields=fields_of(body), lossy=reply.lossy)


def _with_text(item: dict[str, Any]) -> dict[str, Any]:
    document = item.get("document")
    return {**item, "document": {"text": document}} if isinstance(document, str) else item
