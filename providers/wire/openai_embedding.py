"""How are embeddings asked for and given? In the format asked for, whatever the upstream returns.

Format: OpenAI OpenAPI document of August 2026, `/embeddings`: `base64` is that of little-endian 32-bit floats, and what
OpenAI's own libraries ask for unless told otherwise.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode
from binascii import Error, a2b_base64

import msgspec

from providers.bytes.patch import Fields, InvalidJson, fields_of, patch
from providers.errors import InvalidResponse
from providers.types import Reply

FORMATS = ("float", "base64")


class LongEmbeddingRequest(msgspec.Struct, kw_only=True):
    """The fields of a request that the gateway reads, beside its input; everything else passes as it came."""

    model: str
    encoding_format: str | None = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


class EmbeddingRequest(LongEmbeddingRequest, kw_only=True):
    """`input` is a text, some texts, the tokens of a text or those of some."""

    input: str | list[str | int | list[int]]


decode_request = msgspec.json.Decoder(EmbeddingRequest).decode
decode_long_request = msgspec.json.Decoder(LongEmbeddingRequest).decode
"""Both raise `msgspec.ValidationError` (which names the field) or `msgspec.DecodeError`."""
NO_NUMBERS = (b"", b"null", b"[]", b'""', b"{}")
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_floats = msgspec.json.Decoder(list[float]).decode
_string = msgspec.json.Decoder(str).decode


def format_of(fields: Fields) -> str:
    """ "base64" or "float", as the request asks."""
    return "base64" if (fields.raw("encoding_format") or b"").strip() == b'"base64"' else "float"


def in_format(reply: Reply, asked: str) -> Reply:
    """The answer with all its embeddings in that format. Raises `InvalidResponse` for one that cannot be read."""
    fields = reply.fields
    assert fields is not None, "embeddings are JSON"  # noqa: S101
    try:
        items = _items(fields.raw("data") or b"null")
        made = [_item(bytes(item), asked) for item in items]
    except (msgspec.DecodeError, InvalidJson, Error, UnicodeDecodeError, OverflowError, ValueError) as error:
        raise InvalidResponse("an embedding cannot be read") from error
    if all(new is None for new in made):
        return reply
    data = b",".join(bytes(item) if new is None else new for item, new in zip(items, made, strict=True))
    body = patch(fields, {"data": b"[%b]" % data})
    return Reply(wire=reply.wire, body=body, fields=fields_of(body), lossy=reply.lossy)


def _item(item: bytes, asked: str) -> bytes | None:
    """The item in the format asked for, None if it has that already."""
    fields = fields_of(item)
    raw = fields.raw("embedding") or b""
    if raw in NO_NUMBERS:
        raise ValueError("there are no numbers")
    if raw.startswith(b'"') == (asked == "base64"):
        return None
    if asked == "base64":
        return patch(fields, {"embedding": json_string_of(_floats(raw))})
    return patch(fields, {"embedding": msgspec.json.encode(floats_of(_string(raw)))})


def json_string_of(floats: list[float]) -> bytes:
    """The base64 of numbers, as JSON."""
    packed = array("f", floats)
    if sys.byteorder == "big":
        packed.byteswap()
    return b'"%b"' % b64encode(packed.tobytes())


def floats_of(text: str) -> list[float]:
    """The numbers of a base64 text. Raises `ValueError`."""
    packed = array("f")
    packed.frombytes(a2b_base64(text, strict_mode=True))
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tolist()
