"""What does a client key look like, and how does one come into the catalog?

`sk-gw-`, 8 characters public id, 43 characters secret, 6 characters checksum (CRC32 of all before), in base62. Only the
SHA-256 of the whole key is stored. Keys made elsewhere are imported as they are.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from models_catalog.models import ClientKey, ModelDefinition

PREFIX = "sk-gw-"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC_ID_LENGTH = 8
SECRET_LENGTH = 43
CHECKSUM_LENGTH = 6
KEY_LENGTH = len(PREFIX) + PUBLIC_ID_LENGTH + SECRET_LENGTH + CHECKSUM_LENGTH
MIN_FOREIGN_LENGTH = 20
MAX_FOREIGN_LENGTH = 512


def generate() -> tuple[str, str]:
    """A fresh key and its public id."""
    public_id = _random(PUBLIC_ID_LENGTH)
    body = PREFIX + public_id + _random(SECRET_LENGTH)
    return body + checksum(body), public_id


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def checksum(body: str) -> str:
    """The CRC32 of what precedes it in the key, as 6 characters of base62."""
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def well_formed(key: str) -> bool:
    """Whether this is a key of the gateway's own form, with the right checksum."""
    body = key[:-CHECKSUM_LENGTH]
    return (
        len(key) == KEY_LENGTH
        and key.startswith(PREFIX)
        and set(key[len(PREFIX) :]) <= set(ALPHABET)
        and key[-CHECKSUM_LENGTH:] == checksum(body)
    )


def hash_key(key: str) -> str:
    """The SHA-256 of a key, in hex: how it is stored and found."""
    return hashlib.sha256(key.encode()).hexdigest()


def create_client_key(
    name: str,
    *,
    models: Iterable[ModelDefinition] | None = None,
    expires_at: datetime | None = None,
    record_bodies: bool = False,
) -> tuple[ClientKey, str]:
    """Stores a fresh key and returns it with its row: the only time it is known. `models` None allows every model."""
    key, public_id = generate()
    return _store(key, name, public_id, models, expires_at, record_bodies), key


def import_client_key(
    key: str, name: str, *, models: Iterable[ModelDefinition] | None = None, expires_at: datetime | None = None
) -> ClientKey:
    """Stores a key that clients already have. Raises `ValidationError` for one that is too weak, damaged or known."""
    check_foreign_key(key)
    public_id = key[len(PREFIX) : len(PREFIX) + PUBLIC_ID_LENGTH] if well_formed(key) else ""
    if ClientKey.objects.filter(key_hash=hash_key(key)).exists():
        raise ValidationError("This key is in the catalog already.", code="unique")
    return _store(key, name, public_id, models, expires_at)


def check_foreign_key(key: str) -> None:
    """A key made elsewhere: 20 to 512 visible ASCII characters; one that begins like ours must have its checksum."""
    if not MIN_FOREIGN_LENGTH <= len(key) <= MAX_FOREIGN_LENGTH:
        raise ValidationError(f"A key has {MIN_FOREIGN_LENGTH} to {MAX_FOREIGN_LENGTH} characters.", code="key")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValidationError("A key must consist of visible ASCII characters, without spaces.", code="key")
    if key.startswith(PREFIX) and not well_formed(key):
        raise ValidationError(f"The key begins with {PREFIX} but its checksum is wrong: is it complete?", code="key")


def revoke_client_key(client_key: ClientKey) -> None:
    """Refuses the key from now on, for good; a second time changes nothing."""
    if client_key.revoked_at is None:
        client_key.enabled = False
        client_key.revoked_at = timezone.now()
        client_key.save(update_fields=["enabled", "revoked_at"])


def _store(
    key: str,
    name: str,
    public_id: str,
    models: Iterable[ModelDefinition] | None,
    expires_at: datetime | None,
    record_bodies: bool = False,
) -> ClientKey:
    row = ClientKey(
        name=name,
        public_id=public_id,
        key_hash=hash_key(key),
        last_four=key[-4:],
        all_models=models is None,
        expires_at=expires_at,
        record_bodies=record_bodies,
    )
    row.clean_fields()
    with transaction.atomic():
        row.save()
        row.allowed_models.set(models or ())
    return row
