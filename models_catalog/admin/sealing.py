"""Where is an uploaded file between its preview and its import? In the form, encrypted for the one who has uploaded it."""

from __future__ import annotations

import json
import time
import zlib
from base64 import b64decode, b64encode

from django.views.decorators.debug import sensitive_variables

from models_catalog.secrets import encryption
from providers.types import Secret

KEPT_S = 3600
MOST_BYTES = 1024 * 1024


class NotSealed(Exception):
    """The text is not a sealed file of this person and purpose, or is too old."""


@sensitive_variables()
def seal(content: bytes, name: str, options: dict[str, object], purpose: str) -> str:
    """The file as a text. Raises `EncryptionError` if there is no key to encrypt with."""
    packed = b64encode(zlib.compress(content)).decode()
    told = json.dumps({"at": time.time(), "name": name, "options": options, "content": packed})
    return encryption.key_ring().encrypt(Secret(told), _bound(purpose))


@sensitive_variables()
def opened(sealed: str, purpose: str) -> tuple[bytes, str, dict[str, object]]:
    """Content, name and options of the file. Raises `NotSealed`."""
    try:
        told = json.loads(encryption.key_ring().decrypt(sealed, _bound(purpose)).reveal())
    except encryption.EncryptionError:
        told = None
    if told is None or not 0 <= time.time() - told["at"] <= KEPT_S:
        raise NotSealed
    return zlib.decompress(b64decode(told["content"])), told["name"], told["options"]


def _bound(purpose: str) -> bytes:
    return f"upload|{purpose}|v1".encode()
