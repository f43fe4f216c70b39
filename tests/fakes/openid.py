"""Which provider of OpenID Connect do tests sign in at? A real HTTP server: description, keys, authorization, tokens, user info.

    with openid() as provider:
        provider.person = {"sub": "1", "groups": ["ops"]}

It checks what a provider checks: client and secret, the redirect, PKCE, that a code is used once. `twist` changes the claims of a
token before it is signed, `signer` who signs it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.fakes.vendor import Said, Seen, Vendor, said, vendor

CLIENT, CLIENT_SECRET = "gateway", "client-secret-canary-5b1d77"
DESCRIPTION = "/.well-known/openid-configuration"
Claims = dict[str, Any]


@cache
def key(number: int) -> rsa.RSAPrivateKey:
    """Made once: it takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: Claims, signer: int = 1, **head: str) -> str:
    """A token, by RS256 unless the head says otherwise: then without a valid signature."""
    header = {"alg": "RS256", "typ": "JWT", "kid": "key-1", **head}
    text = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{text}.{encoded(key(signer).sign(text.encode(), PKCS1v15(), SHA256()))}"


class OpenId:
    """The provider. `person` is who signs in there: claims of the token and of the user info."""

    def __init__(self, server: Vendor) -> None:
        self.server = server
        self.issuer = server.base
        self.person: Claims = {"sub": "1"}
        self.codes: dict[str, dict[str, str]] = {}
        self.reset()
        server.answers.update(
            {
                DESCRIPTION: self.describe,
                "/keys": lambda seen: said({"keys": [self._public()]}),
                "/authorize": self.authorize,
                "/token": self.token,
                "/userinfo": self.user_info,
            }
        )

    def reset(self) -> None:
        self.twist: Callable[[Claims], Claims] = lambda claims: claims
        self.head: dict[str, str] = {}
        self.signer = 1
        self.description: Claims = {}
        self.told: Claims = {}

    def describe(self, seen: Seen) -> Said:
        addresses = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
        found = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in addresses.items()}
        methods = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        return said({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **found, **methods, **self.description})

    def authorize(self, seen: Seen) -> Said:
        """The person is signed in there already: the browser goes back at once."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(seen.path).query).items()}
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        assert set(asked["scope"].split()) >= {"openid"}
        assert len(asked["nonce"]) > 16
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        to = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"
        return Said(status=302, headers={"location": to})

    def token(self, seen: Seen) -> Said:
        form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        asked = self.codes.pop(form["code"], None)
        challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        good = asked is not None and (asked["redirect_uri"], asked["code_challenge"]) == (form["redirect_uri"], challenge)
        if not good or (form["client_id"], form["client_secret"]) != (CLIENT, CLIENT_SECRET):
            return said({"error": "invalid_grant"}, 400)
        assert asked is not None
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.person}
        token = signed(self.twist(usual), self.signer, **self.head)
        return said({"access_token": "access-token-canary-91", "token_type": "Bearer", "id_token": token})

    def user_info(self, seen: Seen) -> Said:
        assert seen.headers["authorization"] == "Bearer access-token-canary-91"
        return said({**self.person, **self.told})

    def _public(self) -> dict[str, str]:
        numbers = key(1).public_key().public_numbers()
        size = {"n": encoded(numbers.n.to_bytes(256, "big")), "e": encoded(numbers.e.to_bytes(3, "big"))}
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "key-1", **size}


@contextmanager
def openid() -> Iterator[OpenId]:
    """A running provider."""
    with vendor({}) as server:
        yield OpenId(server)
