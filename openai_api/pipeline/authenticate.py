"""Who is calling? From the keys of a request to the `Client` of the snapshot."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256
from time import time

from models_catalog.snapshot import CatalogSnapshot, Client
from openai_api.errors import InvalidKey, conflicting_credentials, not_ready

HASHED_WITH = b"bud-"
"""What stands before a key where another program takes its digest and publishes nothing else."""


def authenticate(keys: Collection[bytes], catalog: CatalogSnapshot, *, stale: bool = False) -> Client:
    """The caller, by the different keys that the request carries.

    Raises 401 `invalid_api_key`, the same for every reason, or 400 for two different keys. While the catalog is `stale`
    a key that it does not hold may be a new one: 503 `not_ready`.
    """
    if len(keys) > 1:
        raise conflicting_credentials()
    client = _known(next(iter(keys)), catalog) if keys else None
    if client is None and keys and stale:
        raise not_ready()
    if client is None or has_expired(client):
        raise InvalidKey(given=bool(keys))
    return client


def has_expired(client: Client) -> bool:
    """Whether the time of its key is over."""
    return client.expires_at is not None and client.expires_at <= time()


def _known(key: bytes, catalog: CatalogSnapshot) -> Client | None:
    """By the digest of the key itself; else by that under which keys are published of which nothing but a digest is known."""
    client = catalog.clients.get(sha256(key).digest())
    if client is None or client.hashed_with:
        client = catalog.clients.get(sha256(HASHED_WITH + key).digest())
        if client is None or client.hashed_with != HASHED_WITH:
            return None
    return catalog.shared.widened(client, key)
