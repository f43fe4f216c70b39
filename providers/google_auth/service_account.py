"""What does a service account say to get a token? A JSON Web Token, signed with its key.

Format: Google's "Using OAuth 2.0 for server to server applications" (RFC 7523, RS256) and the JSON key file of the console.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from providers.errors import ConfigurationError

AUDIENCE = "https://oauth2.googleapis.com/token"
"""What the token is for, whatever address it is sent to."""
LIFETIME_S = 3600
"""The longest that Google accepts."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What the key file of a service account holds, as far as it is needed."""

    email: str
    key: RSAPrivateKey = field(repr=False)
    key_id: str = ""

    @classmethod
    def of(cls, file: Mapping[str, Any]) -> ServiceAccount:
        """The account of a decoded key file. Raises `ConfigurationError`, which names what is wrong and shows no value."""
        email, pem, key_id = (file.get(name) for name in ("client_email", "private_key", "private_key_id"))
        for name, value in (("client_email", email), ("private_key", pem)):
            if not isinstance(value, str) or not value:
                raise ConfigurationError("credential", f"the service-account file has no {name!r}")
        return cls(str(email), _key(str(pem)), key_id if isinstance(key_id, str) else "")

    def assertion(self, scope: str, at: float) -> str:
        """The signed claim that asks for a token, made at a time in Unix seconds."""
        now = int(at)
        head = {"alg": "RS256", "typ": "JWT", **({"kid": self.key_id} if self.key_id else {})}
        claims = {"iss": self.email, "scope": scope, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME_S}
        said = b".".join(_encoded(msgspec.json.encode(part)) for part in (head, claims))
        return b".".join((said, _encoded(self.key.sign(said, PKCS1v15(), SHA256())))).decode()


def _key(pem: str) -> RSAPrivateKey:
    """Keys are often pasted through a shell, which leaves `\\n` where a line should end."""
    text = pem if "\n" in pem else pem.replace("\\n", "\n")
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their texts may quote what they were given
        raise ConfigurationError(
            "credential", "the 'private_key' of the service-account file is not a readable PEM key"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError("credential", "the 'private_key' of the service-account file is not an RSA key")
    return key


def _encoded(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
