"""How do stored secrets move to the active key? In batches, each in its own transaction; it may be stopped at any point."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from models_catalog import publish
from models_catalog.secrets import encryption, foreign
from models_catalog.secrets.fields import EncryptedTextField, encrypted_fields


@dataclass(slots=True)
class Rotation:
    """What was done: values by the id of their old key, the reason by the place of each value that was left as it is,
    and the number of values in rows that others held locked all the time."""

    moved: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    locked: int = 0


def rotate(batch_size: int) -> Rotation:
    """Re-encrypts every value that is not under the active key; what does not decrypt is left untouched."""
    result = Rotation()
    ring = encryption.key_ring()
    for model in apps.get_models():
        for column in encrypted_fields(model):
            failed_before = len(result.failed)
            while _pass(column, ring, batch_size, result):
                pass  # rows that others hold locked were skipped, and may be free in the next pass
            result.locked += _pending(column, ring).count() - (len(result.failed) - failed_before)
    for secrets in foreign.kept():
        for pk in list(secrets.model._default_manager.order_by("pk").values_list("pk", flat=True)):
            _move_foreign(secrets, pk, ring, result)
    return result


def _move_foreign(secrets: foreign.JsonSecrets, pk: Any, ring: encryption.KeyRing, result: Rotation) -> None:
    """One row: there are few, one or two for each account."""
    with transaction.atomic():
        row = secrets.model._default_manager.select_for_update().filter(pk=pk).first()
        names = foreign.outdated(secrets, row, ring) if row else []
        data = getattr(row, secrets.column) if row else {}
        for name in names:
            try:
                key_id = encryption.key_id_of(data[name])
                data[name] = foreign.seal(foreign.opened(data[name], secrets.purpose), secrets.purpose)
            except encryption.EncryptionError as err:
                result.failed[f"{secrets.model._meta.label} {pk}, {name}"] = str(err)
            else:
                result.moved[key_id] += 1
        if row and names:
            row.save(update_fields=[secrets.column])


def _pass(column: EncryptedTextField, ring: encryption.KeyRing, size: int, result: Rotation) -> int:
    """Goes through the table once; gives the number of re-encrypted values."""
    moved = 0
    todo = _pending(column, ring).order_by("pk")
    while True:
        with transaction.atomic():
            publish.mark_changed()  # every writer takes the version row first, so that none waits for another's rows
            rows = list(_lockable(todo)[:size])
            changed = [row for row in rows if _reencrypt(column, ring, row, result)]
            column.model._default_manager.bulk_update(changed, [column.name])
        if not rows:
            return moved
        moved += len(changed)
        todo = todo.filter(pk__gt=rows[-1].pk)


def _pending(column: EncryptedTextField, ring: encryption.KeyRing) -> models.QuerySet[Any]:
    prefix = encryption.stored_prefix(ring.active)
    rows: models.QuerySet[Any] = column.model._default_manager.exclude(**{column.name: ""})
    return rows.exclude(**{f"{column.name}__startswith": prefix})


def _lockable(rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    return rows.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)


def _reencrypt(column: EncryptedTextField, ring: encryption.KeyRing, row: models.Model, result: Rotation) -> bool:
    """Puts the decrypted value into the row, to be encrypted when it is saved."""
    stored = column.value_from_object(row).stored
    try:
        secret = ring.decrypt(stored, column.aad(row))
    except encryption.EncryptionError as err:
        result.failed[f"{row._meta.label} {row.pk}, {column.name}"] = str(err)
        return False
    result.moved[encryption.key_id_of(stored)] += 1
    setattr(row, column.attname, secret)
    return True
