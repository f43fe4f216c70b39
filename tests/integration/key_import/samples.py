"""What do the tests of the key import share? RSA keys, ciphertexts, and files in every format."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from django.core.management import call_command
from django.core.management.base import CommandError

from models_catalog.credentials import resolve
from models_catalog.models import Credential, Provider

OPENAI_KEY = "sk-proj-Zq81mVx4Tn7Rw2Lb5Hc9Kd3Fg6Js0PyA"
GROQ_KEY = "gsk_Uu4Ii8Oo2Pp6Aa1Ss5Dd9Ff3Gg7HhQwErTyZ"
KEYS = {"openai": OPENAI_KEY, "groq": GROQ_KEY}
PASSWORD = "a pass phrase"


@cache
def rsa_key(name: str = "ours", bits: int = 2048) -> rsa.RSAPrivateKey:
    """One key for each name, the same in the whole run."""
    return rsa.generate_private_key(65537, bits)


def oaep(text: str, key: rsa.RSAPrivateKey, algorithm: HashAlgorithm | None = None, label: bytes | None = None) -> bytes:
    used = algorithm or SHA256()
    return key.public_key().encrypt(text.encode(), padding.OAEP(padding.MGF1(used), used, label))


def oaep_sha1(text: str, key: rsa.RSAPrivateKey) -> bytes:
    return oaep(text, key, SHA1())


def labelled(text: str, key: rsa.RSAPrivateKey) -> bytes:
    return oaep(text, key, label=b"keys")


def pkcs1v15(text: str, key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().encrypt(text.encode(), padding.PKCS1v15())


def as_hex(data: bytes) -> str:
    return data.hex()


def as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pkcs1_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def pkcs8_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encrypted_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode()))


def legacy_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(PASSWORD.encode()))


def csv_text(keys: Mapping[str, str]) -> str:
    return "provider,api_key\n" + "".join(f"{name},{key}\n" for name, key in keys.items())


def json_list(keys: Mapping[str, str]) -> str:
    return json.dumps([{"provider": name, "api_key": key} for name, key in keys.items()])


def json_object(keys: Mapping[str, str]) -> str:
    return json.dumps(keys)


def env_text(keys: Mapping[str, str]) -> str:
    return "".join(f"{name.upper()}_API_KEY={key}\n" for name, key in keys.items())


FORMATS: dict[str, tuple[str, Callable[[Mapping[str, str]], str]]] = {
    "csv": ("keys.csv", csv_text),
    "json list": ("keys.json", json_list),
    "json object": ("keys.json", json_object),
    "env": ("keys.env", env_text),
}


class Importer:
    """Runs the command on a text and keeps what it said."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, content: str | bytes, name: str = "keys.csv") -> str:
        path = self.directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def __call__(self, content: str | bytes, name: str = "keys.csv", **options: Any) -> list[str]:
        """The lines of the report. Raises `CommandError`."""
        out = io.StringIO()
        call_command("import_provider_keys", self.write(content, name), stdout=out, **options)
        return out.getvalue().splitlines()

    def refusal(self, content: str | bytes, name: str = "keys.csv", **options: Any) -> str:
        """What a refused import says; it must be refused and write nothing."""
        before = stored(), versions()
        with pytest.raises(CommandError) as caught:
            self(content, name, **options)
        assert (stored(), versions()) == before
        assert caught.value.returncode == 1
        return str(caught.value)


def stored() -> dict[str, str]:
    """The key of each provider, read as the gateway reads it."""
    found = {}
    for provider in Provider.objects.select_related("credential"):
        secret = resolve(provider.credential).secret if provider.credential else None
        found[provider.name] = secret.reveal() if secret else ""
    return found


def versions() -> list[tuple[str, object]]:
    """Everything by which a write of credentials and providers would show."""
    rows = [(credential.name, credential.updated_at) for credential in Credential.objects.all()]
    return [*rows, *((provider.name, provider.api_base) for provider in Provider.objects.all())]
