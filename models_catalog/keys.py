"""What does a client key look like, and how does one come into the catalog?

`sk-gw-`, 8 characters public id, 43 characters secret, 6 characters checksum (CRC32 of all before), in base62. Only the
SHA-256 of the whole key is stored. Keys made elsewhere are imported as they are.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from models_catalog.models import AccessGroup, ClientKey, ModelDefinition

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
    groups: Iterable[AccessGroup] = (),
    **columns: Any,
) -> tuple[ClientKey, str]:
    """Stores a fresh key and returns it with its row: the only time it is known. `models` None allows every model; `groups` are
    models that are allowed beside them. `columns` are further ones of the row. Raises `ValidationError`."""
    key, public_id = generate()
    return _store(key, name, public_id, models, groups, expires_at=expires_at, **columns), key


def import_client_key(
    key: str, name: str, *, models: Iterable[ModelDefinition] | None = None, expires_at: datetime | None = None
) -> ClientKey:
    """Stores a key that clients already have. Raises `ValidationError` for one that is too weak, damaged or known."""
    check_foreign_key(key)
    public_id = key[len(PREFIX) : len(PREFIX) + PUBLIC_ID_LENGTH] if well_formed(key) else ""
    if ClientKey.objects.filter(key_hash=hash_key(key), origin="").exists():
        raise ValidationError("This key is in the catalog already.", code="unique")
    return _store(key, name, public_id, models, expires_at=expires_at)


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


COPIED = (
    "record_bodies", "project", "person", "aliases", "allowed_networks", "max_wait_s", "ends_streams", "expires_at",
)  # fmt: skip
"""What a key has of the one that it replaces, beside its models and groups."""


def rotate_client_key(client_key: ClientKey, grace: timedelta, **more: Any) -> tuple[ClientKey, str]:
    """Stores a fresh key with all settings of another one, and gives it with its row, as `create_client_key` does. The old key is
    accepted until the grace is over, and both are counted as one. `more` are further columns. Raises `ValidationError` for a
    key that is not in force."""
    now = timezone.now()
    over = client_key.expires_at is not None and client_key.expires_at <= now
    if client_key.revoked_at is not None or not client_key.enabled or over:
        raise ValidationError("Only a key that is accepted can be replaced by another one.", code="rotate")
    if client_key.origin:
        raise ValidationError("This key is published from outside: whoever publishes it replaces it.", code="rotate")
    columns = {name: getattr(client_key, name) for name in COPIED}
    models = None if client_key.all_models else client_key.allowed_models.all()
    with transaction.atomic():
        made, key = create_client_key(
            client_key.name,
            models=models,
            groups=client_key.access_groups.all(),
            lineage=client_key.lineage or client_key.pk,
            **columns,
            **more,
        )
        for hook in client_key.hooks.all():
            hook.client_keys.add(made)
        if grace <= timedelta():
            revoke_client_key(client_key)
        elif client_key.expires_at is None or client_key.expires_at > now + grace:
            client_key.expires_at = now + grace
            client_key.save(update_fields=["expires_at"])
    return made, key


def _store(
    key: str,
    name: str,
    public_id: str,
    models: Iterable[ModelDefinition] | None,
    groups: Iterable[AccessGroup] = (),
    **columns: Any,
) -> ClientKey:
    row = ClientKey(
        name=name, public_id=public_id, key_hash=hash_key(key), last_four=key[-4:], all_models=models is None, **columns
    )
    row.clean_fields()
    with transaction.atomic():
        ClientKey.objects.filter(key_hash=row.key_hash).exclude(origin="").delete()  # an operator's own key goes before
        row.save()
        row.allowed_models.set(models or ())
        row.access_groups.set(groups)
    return row
