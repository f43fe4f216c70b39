"""How is a message signed? By the Standard Webhooks specification: HMAC-SHA256 over its id, the time of the try and its body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from providers.types import Secret

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64


def key_of(secret: Secret) -> bytes:
    """The bytes of the key. Raises `ValueError` for a secret that is none."""
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"secret: must be {PREFIX} and {LEAST_BYTES} to {MOST_BYTES} bytes in base64")
    return key


def signed(key: bytes, message_id: str, at: int, body: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a try at `at`, in Unix seconds."""
    content = f"{message_id}.{at}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
    return (
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", str(at).encode()),
        (b"webhook-signature", b"v1," + signature),
    )
