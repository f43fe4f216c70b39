"""Who is calling? From the credential headers to the `Client` of the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from time import time

from models_catalog.snapshot import CatalogSnapshot, Client
from openai_api.errors import CREDENTIAL_HEADERS, InvalidKey, conflicting_credentials, not_ready


def authenticate(headers: Mapping[bytes, bytes], catalog: CatalogSnapshot, *, stale: bool = False) -> Client:
    """The caller, whose key may stand in `Authorization: Bearer K`, `x-api-key` or `api-key`.

    Raises 401 `invalid_api_key`, the same for every reason, or 400 for two different keys. While the catalog is `stale`
    a key that it does not hold may be a new one: 503 `not_ready`.
    """
    keys = {_key(name, headers[name]) for name in CREDENTIAL_HEADERS if name in headers}
    if len(keys) > 1:
        raise conflicting_credentials()
    client = catalog.clients.get(sha256(next(iter(keys))).digest()) if keys else None
    if client is None and keys and stale:
        raise not_ready()
    if client is None or (client.expires_at is not None and client.expires_at <= time()):
        raise InvalidKey(given=bool(keys))
    return client


def _key(name: bytes, value: bytes) -> bytes:
    if name == b"authorization":
        scheme, _, key = value.strip().partition(b" ")
        return key.strip() if scheme.lower() == b"bearer" else value.strip()
    return value.strip()
