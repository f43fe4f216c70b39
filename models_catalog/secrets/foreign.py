"""How are secrets kept in tables that are not ours? As ciphertext in a JSON column, which the rotation moves, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models

from models_catalog.secrets import encryption
from providers.types import Secret


@dataclass(frozen=True, slots=True)
class JsonSecrets:
    """Secrets that stand under these names in a JSON column of a model; the ciphertext is bound to the `purpose`."""

    model: type[models.Model]
    column: str
    names: tuple[str, ...]
    purpose: str


_kept: dict[str, JsonSecrets] = {}


def keep(secrets: JsonSecrets) -> None:
    """Makes them known to the rotation of keys."""
    _kept[secrets.purpose] = secrets


def kept() -> Iterator[JsonSecrets]:
    return iter(_kept.values())


def seal(text: Secret, purpose: str) -> str:
    """The stored form. Raises `EncryptionError` where there is no key."""
    return encryption.key_ring().encrypt(text, _aad(purpose))


def opened(stored: str, purpose: str) -> Secret:
    """Raises `EncryptionError`."""
    return encryption.key_ring().decrypt(stored, _aad(purpose))


def outdated(secrets: JsonSecrets, row: models.Model, ring: encryption.KeyRing) -> list[str]:
    """The names in that row whose secrets are not under the active key."""
    data: dict[str, Any] = getattr(row, secrets.column)
    active = encryption.stored_prefix(ring.active)
    return [name for name in secrets.names if name in data and not str(data[name]).startswith(active)]


def _aad(purpose: str) -> bytes:
    return f"{purpose}|v1".encode()
