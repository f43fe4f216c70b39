"""What does `manage.py check` say about the catalog? Its keys, its secrets, and every row that would be left out.

The rows are looked at by `manage.py check` alone: `migrate` or `import_config`, with which a catalog is repaired, must not
be stopped by it.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Error, Tags
from django.core.checks import Warning as CheckWarning
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection

from models_catalog import credentials
from models_catalog.compiler import compile_snapshot
from models_catalog.models import CatalogVersion, Credential, Hook, Provider
from models_catalog.secrets import encryption
from models_catalog.secrets.fields import EncryptedText
from models_catalog.snapshot import Problem
from providers import registry
from providers.capabilities import Capability

CATALOG = "catalog"
KEY_HINT = "`manage.py quickstart` makes a key file; a key is 32 random bytes in base64."
PROBLEM_IDS = {
    "model": "catalog.E010",
    "provider": "catalog.E011",
    "credential": "catalog.E012",
    "client key": "catalog.E013",
    "hook": "catalog.E014",
    "publication": "catalog.E015",
    "limit": "catalog.E018",
    "budget": "catalog.E019",
}

_rows_wanted: ContextVar[bool] = ContextVar("catalog_rows_wanted", default=False)


@contextmanager
def rows_included() -> Iterator[None]:
    """Checks that run inside look at the rows, too."""
    token = _rows_wanted.set(True)
    try:
        yield
    finally:
        _rows_wanted.reset(token)


def rows_wanted() -> bool:
    """Whether checks that cost time are wanted: `manage.py check` itself is run."""
    return _rows_wanted.get()


def check_key_ring(**kwargs: Any) -> list[CheckMessage]:
    """E001: the key ring is unusable. W001: there is none. W002: others may read the key file."""
    try:
        encryption.key_ring()
    except encryption.NoKeyRing as err:
        return [CheckWarning(str(err), hint=KEY_HINT, id="catalog.W001")] if _rows_wanted.get() else []
    except encryption.EncryptionError as err:
        return [Error(f"The encryption keys cannot be used: {err}.", hint=KEY_HINT, id="catalog.E001")]
    path = encryption.key_file()
    if encryption.from_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return [CheckWarning(f"The key file {path} is readable by other users.", hint=f"chmod 600 {path}", id="catalog.W002")]
    return []


def check_rows(**kwargs: Any) -> list[CheckMessage]:
    """Secrets and rows, if there is a database with the catalog's tables. W003: it cannot be read."""
    if not _rows_wanted.get():
        return []
    try:
        return [*_secrets(), *_unauthenticated(), *_left_out()] if _tables_exist() else []
    except DatabaseError as err:
        message = f"The catalog cannot be read from the database: {type(err).__name__}."
        return [CheckWarning(message, hint="Is it reachable, and was `manage.py migrate` run?", id="catalog.W003")]


def _tables_exist() -> bool:
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        if "memory" not in name and not Path(name).exists():
            return False  # connecting would create the file
    return CatalogVersion._meta.db_table in connection.introspection.table_names()


def _secrets() -> Iterator[CheckMessage]:
    """E002: a stored secret does not decrypt. W004: some are encrypted under a key that is not the active one."""
    stored: list[EncryptedText] = []
    hint = "Put its key back into the key ring, or enter the secret again."
    for row in Credential.objects.exclude(secret=""):
        stored.append(row.secret)
        try:
            credentials.reveal(row)
        except credentials.SecretUnavailable as err:
            yield Error(f"credential {row.name}: {err}.", hint=hint, id="catalog.E002")
    for provider in Provider.objects.exclude(extra_headers=""):
        stored.append(provider.extra_headers)
        try:
            provider.headers()
        except encryption.EncryptionError as err:
            yield Error(f"provider {provider.name}: its headers cannot be decrypted: {err}.", hint=hint, id="catalog.E002")
    for hook in Hook.objects.exclude(secrets=""):
        stored.append(hook.secrets)
        try:
            hook.kept_secrets()
        except encryption.EncryptionError as err:
            yield Error(f"hook {hook.name}: its secrets cannot be decrypted: {err}.", hint=hint, id="catalog.E002")
    yield from _retired(stored)


def _retired(stored: Sequence[EncryptedText]) -> Iterator[CheckMessage]:
    try:
        ring = encryption.key_ring()
    except encryption.EncryptionError:
        return
    found = [value.stored for value in stored if encryption.is_stored_form(value.stored)]
    ids = Counter(encryption.key_id_of(value) for value in found)
    for key_id in ring.ids[1:]:
        if ids[key_id]:
            message = f"{ids[key_id]} secrets are encrypted under the key {key_id}, which is not the active one ({ring.active})."
            yield CheckWarning(message, hint="Run `manage.py rotate_encryption_keys`.", id="catalog.W004")


def _unauthenticated() -> Iterator[CheckMessage]:
    """W005: a provider of a type that usually wants a key has no credential."""
    for row in Provider.objects.filter(enabled=True, credential=None):
        known = {known.name: known for known in registry.provider_types()}.get(row.type)
        if known and known.needs_key and not row.api_base:
            message = f"provider {row.name}: {known.label} needs a key, but has no credential."
            yield CheckWarning(message, hint="Choose a credential, or one of the source “None needed”.", id="catalog.W005")


def _left_out() -> Iterator[CheckMessage]:
    """E010 to E015: rows that the compiled catalog leaves out, or that were not taken over from Redis, with the reason. W006: a
    capability that it leaves out. W007: fallbacks that run in a circle, which does no harm."""
    for problem in compile_snapshot(DEFAULT_DB_ALIAS).problems:
        if problem.lost:
            yield CheckWarning(f"{problem.where}: {problem.message}", hint=_who_has(problem.lost), id="catalog.W006")
            continue
        if problem.harmless:
            yield CheckWarning(f"{problem.where}: {problem.message}", id="catalog.W007")
            continue
        hint = f"Repair it in the admin: {problem.path}" if problem.path else None
        yield Error(f"{problem.where}: {problem.message}", hint=hint, id=_id_of(problem))


def _who_has(capability: Capability) -> str:
    able = ", ".join(known.label for known in registry.provider_types() if capability in known.capabilities)
    add = f"Add a route to a provider that supports it ({able}), or remove" if able else "No provider type supports it: remove"
    return f"{add} the capability from the model."


def _id_of(problem: Problem) -> str:
    return next(found for kind, found in PROBLEM_IDS.items() if problem.where.startswith(f"{kind} "))


CHECKS = (
    (check_key_ring, (Tags.security, CATALOG)),
    (check_rows, (Tags.database, CATALOG)),
)
