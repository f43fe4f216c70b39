"""What is made of hooks? Their entries in order, as plain values with decrypted secrets; they are built elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from uuid import UUID

from models_catalog.compiler.problems import Problems, Unusable, admin_path, check
from models_catalog.models import Hook
from models_catalog.secrets import encryption
from models_catalog.snapshot import HookEntry

NEVER = "It never runs: it is for chosen client keys, and none is chosen."


def hooks_of(rows: Sequence[Hook], keys: Mapping[UUID, Sequence[UUID]], problems: Problems) -> tuple[HookEntry, ...]:
    """The hooks that are on. One that cannot be compiled is left out and reported."""
    return tuple(_compiled(rows, keys, problems))


def _compiled(rows: Sequence[Hook], keys: Mapping[UUID, Sequence[UUID]], problems: Problems) -> Iterator[HookEntry]:
    for row in rows:
        if not row.enabled:
            continue
        chosen = None if row.all_client_keys else frozenset(map(str, keys.get(row.pk, ())))
        if chosen is not None and not chosen:
            problems.report(f"hook {row.name}", NEVER, row, harmless=True)
        elif (entry := problems.attempt(f"hook {row.name}", row, partial(_entry, row, chosen))) is not None:
            yield entry


def _entry(row: Hook, keys: frozenset[str] | None) -> HookEntry:
    try:
        options = row.all_options()
    except encryption.EncryptionError as err:
        raise Unusable(f"Skipped: its secrets cannot be decrypted: {err}.") from err
    check(row)
    return HookEntry(
        id=str(row.pk),
        name=row.name,
        type=row.type,
        options=options,
        models=tuple(row.model_names),
        keys=keys,
        fail_open=row.fail_open(),
        time_limit_s=row.time_limit_s,
        path=admin_path(row),
    )
