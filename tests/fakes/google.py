"""Which Google do tests speak to? A token endpoint that checks what a service account signs, and a metadata server.

google = GoogleTokens()
with vendor({"/token": google.exchange}) as upstream:
    file = google.file(f"{upstream.base}/token")
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes.vendor import Said, Seen, said

EMAIL = "gateway@project-1.iam.gserviceaccount.com"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


@cache
def private_key() -> rsa.RSAPrivateKey:
    """The key of the account: one for all tests, for it takes long to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem() -> str:
    return private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class GoogleTokens:
    """Gives the tokens `ya29.token-1`, `ya29.token-2`, …, each good for `seconds`. `failing` is an answer to say instead."""

    def __init__(self, seconds: int = 3599) -> None:
        self.seconds = seconds
        self.failing: Said | None = None
        self.claims: list[dict[str, Any]] = []
        self.given = 0

    def file(self, address: str, **changes: Any) -> str:
        """The key file of the account, as the console gives it out."""
        usual = {
            "type": "service_account",
            "project_id": "project-1",
            "private_key_id": "key-1",
            "private_key": pem(),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": address,
        }
        return json.dumps({name: value for name, value in (usual | changes).items() if value is not None}, indent=2)

    def exchange(self, seen: Seen) -> Said:
        """The token endpoint."""
        if self.failing is not None:
            return self.failing
        form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        if form["grant_type"] == "refresh_token":
            assert (form["client_id"], form["client_secret"], form["refresh_token"]) == ("id-1", "secret-1", "refresh-1")
            return self._token()
        assert form["grant_type"] == JWT
        head, claims, signature = form["assertion"].split(".")
        private_key().public_key().verify(_decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
        assert json.loads(_decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
        self.claims.append(json.loads(_decoded(claims)))
        return self._token()

    def metadata(self, seen: Seen) -> Said:
        """The metadata server."""
        assert seen.method == "GET"
        assert seen.headers["metadata-flavor"] == "Google"
        return self.failing or self._token()

    def _token(self) -> Said:
        self.given += 1
        told = {"access_token": f"ya29.token-{self.given}", "expires_in": self.seconds, "token_type": "Bearer"}
        return said(told, Metadata_Flavor="Google")


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
