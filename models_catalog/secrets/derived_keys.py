"""Which keys seal what is neither a credential nor in the database? Derived from the ring, so that nothing more is to be kept."""

from __future__ import annotations

import os

from models_catalog.secrets.encryption import EncryptionError, key_ring


def derived_keys(purpose: str) -> tuple[bytes, ...]:
    """A key for each key of the ring, the active one's first. Without a ring one that lasts as long as the process."""
    try:
        return key_ring().derived(purpose)
    except EncryptionError:
        return (os.urandom(32),)
