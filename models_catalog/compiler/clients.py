"""What is made of client keys? The callers by the digest of their key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from models_catalog.compiler.problems import Problems
from models_catalog.compiler.rows import KeyRows
from models_catalog.models import ClientKey
from models_catalog.snapshot import STAR, Client

CLIENT_KEY = "client key "
"""How the places of its problems begin."""

SHA256 = re.compile("[0-9a-f]{64}")


def clients_of(rows: KeyRows, problems: Problems) -> Mapping[bytes, Client]:
    """The clients in force. A key whose stored hash is damaged is left out and reported."""
    clients = {}
    for row in rows.client_keys:
        if not SHA256.fullmatch(row.key_hash):
            problems.report(CLIENT_KEY + row.name, "Skipped: its stored hash is not a SHA-256.", ClientKey(pk=row.pk))
            continue
        chosen = rows.allowed_models.get(row.pk, ())
        allowed = None if row.all_models else frozenset(rows.names[pk] for pk in chosen if pk in rows.names)
        expires_at = row.expires_at.timestamp() if row.expires_at else None
        prefixes = tuple(name[:-1] for name in allowed or () if name.endswith(STAR))
        client = Client(str(row.pk), row.name, allowed, expires_at, prefixes, row.record_bodies)
        clients[bytes.fromhex(row.key_hash)] = client
    return MappingProxyType(clients)
