"""How is an RSA-encrypted value read? OAEP with SHA-256; PKCS#1 v1.5 only on demand; never a word on what failed.

Source: RFC 8017, 7.1.2 and 7.2.2. A failed v1.5 decryption does not raise but gives pseudo-random bytes (implicit
rejection), hence the demands on the shape of its result.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64encode

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.shapes import PKCS1V15_SHAPE, fault_of_key
from providers.types import Secret

HEX = re.compile(r"[0-9a-fA-F]+")
MODULUS_BYTES = (256, 384, 512, 1024)
"""Of the usual RSA keys: 2048, 3072, 4096 and 8192 bits."""

UNREADABLE = "the value cannot be read as a provider key that was encrypted for this private key"
"""The only thing that is ever said, whatever failed."""


def looks_encrypted(value: str) -> bool:
    """Whether a value that should be plain has the form of an RSA ciphertext."""
    return any(ciphertext_of(value, size) is not None for size in MODULUS_BYTES)


def ciphertext_of(value: str, size: int) -> bytes | None:
    """The ciphertext of exactly `size` bytes, written in hex (exactly two digits a byte) or strict base64."""
    if len(value) == 2 * size and HEX.fullmatch(value):
        return bytes.fromhex(value)
    try:
        data = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return None
    return data if len(data) == size and b64encode(data).decode() == value else None


@sensitive_variables()
def decrypt_key(private_key: RSAPrivateKey, value: Secret, *, pkcs1v15: bool, pattern: re.Pattern[str] | None) -> Secret | None:
    """The key in `value`, None if there is none. `pkcs1v15` allows the old padding, and then the key must match `pattern`."""
    ciphertext = ciphertext_of(value.reveal(), (private_key.key_size + 7) // 8)
    if ciphertext is None:
        return None
    key = _decrypted(private_key, ciphertext, OAEP)
    if key is None and pkcs1v15:
        key = _decrypted(private_key, ciphertext, PKCS1V15)
        if key is None or not PKCS1V15_SHAPE.fullmatch(key) or (pattern and not pattern.fullmatch(key)):
            return None
    return Secret(key) if key is not None and not fault_of_key(key) else None


OAEP = padding.OAEP(mgf=padding.MGF1(algorithm=SHA256()), algorithm=SHA256(), label=None)
PKCS1V15 = padding.PKCS1v15()


@sensitive_variables()
def _decrypted(private_key: RSAPrivateKey, ciphertext: bytes, scheme: padding.OAEP | padding.PKCS1v15) -> str | None:
    try:
        return private_key.decrypt(ciphertext, scheme).decode()
    except ValueError:  # also UnicodeDecodeError
        return None
