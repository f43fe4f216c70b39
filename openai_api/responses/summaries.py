"""What does a compaction hold that the gateway made? The summary of a conversation, sealed for the key that asked.

A client keeps it and sends it back; nobody can read or change it, and no key can use another's. Sealing is AES-SIV
(RFC 5297), which needs no nonce: the same summary has the same seal.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

PREFIX = "signalbox.1."
"""The name and version of the format; no upstream's content begins like this."""


class Summaries:
    """Seals with the first of the keys, and opens what any of them has sealed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Keys of any length, at least one; AES-SIV wants 64 bytes."""
        self._ciphers = [AESSIV(hashlib.sha512(key).digest()) for key in keys]

    def seal(self, owner: str, summary: str) -> str:
        """The `encrypted_content`; the summary must not be empty."""
        return PREFIX + urlsafe_b64encode(self._ciphers[0].encrypt(summary.encode(), [owner.encode()])).decode()

    def open(self, owner: str, content: str) -> str | None:
        """The summary; None for what the gateway did not make. Raises `ValueError` for another owner's, or a changed one."""
        if not content.startswith(PREFIX):
            return None
        raw = urlsafe_b64decode(content.removeprefix(PREFIX).encode())
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(raw, [owner.encode()]).decode()
            except InvalidTag:
                continue
        raise ValueError("no key opens it")
