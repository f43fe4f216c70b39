"""Who is calling? From the keys of a request to the `Client` of the snapshot."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from time import time

from models_catalog.snapshot import CatalogSnapshot, Client
from openai_api.errors import InvalidKey, conflicting_credentials, not_ready


def authenticate(keys: Collection[bytes], catalog: CatalogSnapshot, *, stale: bool = False) -> Client:
    """The caller, by the different keys that the request carries.

    Raises 401 `invalid_api_key`, the same for every reason, or 400 for two different keys. While the catalog is `stale`
    a key that it does not hold may be a new one: 503 `not_ready`.
    """
    if len(keys) > 1:
        raise conflicting_credentials()
    client = catalog.clients.get(sha256(next(iter(keys))).digest()) if keys else None
    if client is None and keys and stale:
        raise not_ready()
    if client is None or (client.expires_at is not None and client.expires_at <= time()):
        raise InvalidKey(given=bool(keys))
    return client
