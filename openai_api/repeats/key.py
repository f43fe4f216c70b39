"""Which request is a repeat of which? What its key names, and what was asked."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import NamedTuple

from openai_api.errors import invalid
from providers.bytes.multipart import Form

HEADER = b"idempotency-key"
LONGEST = 255


class Named(NamedTuple):
    """A request by its key: `id` is the same for all that name the same, `asked` for all that ask the same."""

    id: str
    asked: str


def checked_key(value: bytes) -> bytes:
    """The key as it was sent. Raises 400."""
    if not 1 <= len(value) <= LONGEST or not all(33 <= byte <= 126 or byte == 32 for byte in value):
        text = f"The header 'Idempotency-Key' must have 1 to {LONGEST} printable ASCII characters; it has {len(value)}."
        if len(value) <= LONGEST:
            text = f"The header 'Idempotency-Key' must have 1 to {LONGEST} printable ASCII characters, and no others."
        raise invalid("invalid_idempotency_key", text, "Idempotency-Key")
    return value


def named(secret: bytes, lineage: str, key: bytes, path: str, query: bytes, body: bytes, form: Form | None) -> Named:
    """The request. Neither the key nor what was asked can be told from it."""
    who = b"\0".join((lineage.encode(), path.encode(), key))
    told = sha256(query + b"\0" + body)
    for part in form.parts if form is not None else ():
        head = repr((part.plain_name, part.filename, part.size)).encode()
        told.update(b"%d:%b" % (len(head), head))
        for piece in part.pieces():
            told.update(piece)
    return Named(hmac.new(secret, who, "sha256").hexdigest(), hmac.new(secret, told.digest(), "sha256").hexdigest())
