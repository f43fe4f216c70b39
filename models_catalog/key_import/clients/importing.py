"""How does a file of client keys come into the catalog? All of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from models_catalog.audit.chain import collected
from models_catalog.key_import.clients.plan import Change, Plan, Planner
from models_catalog.key_import.clients.reading import Options, read_rows
from models_catalog.key_import.progress import progress
from models_catalog.key_import.rows import BadRows, KeyImportError
from models_catalog.models import Budget, CatalogVersion, ClientKey, Limit
from models_catalog.publish import VERSION_ROW

BATCH = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Report:
    """What an import has done, or would do: by row, and the names of projects, people and tenants that are new."""

    changes: tuple[Change, ...]
    owners: tuple[str, ...]


@sensitive_variables()
def import_client_keys(
    stream: BinaryIO,
    name: str,
    options: Options,
    *,
    dry_run: bool = False,
    within: Collection[str] | None = None,
    without: Collection[int] = (),
) -> Report:
    """Imports the file called `name`, `without` the rows of these numbers, which must be sound as well. `within` are the tenants
    that the importer may see, None for all. Raises `KeyImportError`, and then nothing is written."""
    read, problems = read_rows(stream, name, options)
    rows = [row for row in read if row.number not in without]
    try:
        with transaction.atomic():
            # Every writer of the catalog raises this row first: whoever holds it reads a catalog that stands still.
            CatalogVersion.objects.select_for_update().filter(pk=VERSION_ROW).first()
            planner = Planner(options, within)
            for row in progress(rows, "Comparing", total=len(rows), forced=options.progress):
                planner.add(row)
            plan = planner.plan
            if problems or plan.problems:
                raise BadRows([*problems, *plan.problems])
            if not dry_run:
                with collected():
                    _write(plan, forced=options.progress)
    except IntegrityError:
        raise KeyImportError("the catalog was changed at the same time: run the import again") from None
    owners = [f"{row._meta.verbose_name} {row}" for row in (*plan.tenants, *plan.projects, *plan.people)]
    return Report(tuple(plan.changes), tuple(owners))


def _write(plan: Plan, *, forced: bool) -> None:
    """Owners first, since keys refer to them."""
    for row in (*plan.tenants, *plan.projects, *plan.people):
        row.save()
    if plan.replaced:
        for hashes in _batches(plan.replaced):
            ClientKey.objects.filter(key_hash__in=hashes).exclude(origin="").delete()
    for batch in progress(list(_batches(plan.keys)), "Writing", forced=forced):
        ClientKey.objects.bulk_create(batch)
    through = ClientKey.allowed_models.through
    if plan.allowed:
        links = [through(clientkey_id=key.pk, modeldefinition_id=model) for key, model in plan.allowed]
        through._default_manager.bulk_create(links, BATCH)
    if plan.limits:
        Limit.objects.bulk_create(plan.limits, BATCH)
    if plan.budgets:
        Budget.objects.bulk_create(plan.budgets, BATCH)


def _batches(rows: Sequence[T]) -> list[Sequence[T]]:
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
