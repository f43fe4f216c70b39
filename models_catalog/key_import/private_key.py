"""With which RSA private key are values decrypted? PEM of PKCS#1, PKCS#8 or encrypted PKCS#8, from a file or a setting."""

from __future__ import annotations

import re
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.rows import PrivateKeyError

LEAST_BITS = 2048
MAX_PEM_BYTES = 64 * 1024
UNLOCKED_BY = "GATEWAY_RSA_PRIVATE_KEY_PASSWORD"
PEM = re.compile(rb"-----BEGIN ((?:RSA |ENCRYPTED )?PRIVATE KEY)-----\s.*?-----END \1-----", re.DOTALL)
LEGACY_ENCRYPTION = re.compile(rb"^Proc-Type:\s*4,\s*ENCRYPTED", re.MULTILINE)


def configured_private_key(path: str | None = None) -> RSAPrivateKey:
    """The key in the file `path`, else the one of the settings. Raises `PrivateKeyError`."""
    return load_private_key(_configured_pem(path), settings.GATEWAY_RSA_PRIVATE_KEY_PASSWORD)


@sensitive_variables()
def load_private_key(pem: bytes, password: str = "") -> RSAPrivateKey:
    """The first private key in the PEM text. `password` is used only if that one is encrypted. Raises `PrivateKeyError`."""
    block = PEM.search(pem)
    if block is None:
        raise PrivateKeyError("the private key is not a PEM text of PKCS#1 or PKCS#8 (-----BEGIN … PRIVATE KEY-----)")
    if LEGACY_ENCRYPTION.search(block[0]):
        raise PrivateKeyError(
            "the private key is encrypted in OpenSSL's legacy form (Proc-Type: 4,ENCRYPTED): "
            "convert it with `openssl pkcs8 -topk8 -in old.pem -out new.pem`"
        )
    encrypted = block[1].startswith(b"ENCRYPTED")
    if encrypted and not password:
        raise PrivateKeyError(f"the private key is encrypted: set {UNLOCKED_BY} to its password")
    key = _loaded(block[0] + b"\n", password.encode() if encrypted else None)
    if key is None:
        raise PrivateKeyError(
            f"the private key cannot be opened: is {UNLOCKED_BY} right?" if encrypted else "the private key is damaged"
        )
    if not isinstance(key, RSAPrivateKey):
        raise PrivateKeyError("the private key is not an RSA key")
    if key.key_size < LEAST_BITS:
        raise PrivateKeyError(f"the RSA key has {key.key_size} bits; at least {LEAST_BITS} are needed")
    return key


@sensitive_variables()
def _loaded(pem: bytes, password: bytes | None) -> PrivateKeyTypes | None:
    try:
        return load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


@sensitive_variables()
def _configured_pem(path: str | None) -> bytes:
    if path:
        return _file(path, "--private-key")
    inline: str = settings.GATEWAY_RSA_PRIVATE_KEY
    if inline:
        return inline.replace("\\n", "\n").encode()  # the way many deployment tools write a text of several lines
    if settings.GATEWAY_RSA_PRIVATE_KEY_PATH:
        return _file(settings.GATEWAY_RSA_PRIVATE_KEY_PATH, "GATEWAY_RSA_PRIVATE_KEY_PATH")
    raise PrivateKeyError(
        "there are encrypted keys, but no RSA private key: give --private-key FILE, or set GATEWAY_RSA_PRIVATE_KEY "
        "(the PEM text) or GATEWAY_RSA_PRIVATE_KEY_PATH (its file)"
    )


@sensitive_variables()
def _file(path: str, named_by: str) -> bytes:
    """The content. The path is not quoted in errors: by mistake it may be the PEM text itself."""
    reason = "it is too large to be a private key"
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(MAX_PEM_BYTES + 1)
        if len(data) <= MAX_PEM_BYTES:
            return data
    except OSError as error:
        reason = error.strerror or "unknown reason"
    except (ValueError, RuntimeError):
        reason = "not a valid path"
    raise PrivateKeyError(f"the private key file that {named_by} names cannot be read: {reason}")
