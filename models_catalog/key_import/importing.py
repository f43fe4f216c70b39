"""How does a key file come into the catalog? All of it in one transaction, or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, TypeVar

from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.plan import Change, Plan, plan_changes
from models_catalog.key_import.progress import progress
from models_catalog.key_import.reading import Options, Vendors, read_keys
from models_catalog.key_import.rows import BadRows, KeyImportError, SkippedRow
from models_catalog.models import CatalogVersion, Credential, Provider
from models_catalog.publish import VERSION_ROW
from models_catalog.secrets.encryption import EncryptionError, key_ring
from providers import registry

BATCH = 500
CREDENTIAL_FIELDS = ["source", "location", "secret", "last_four", "updated_at"]
PROVIDER_FIELDS = ["api_base", "credential", "options"]

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Report:
    """What an import has done, or would do, row by row."""

    changes: tuple[Change, ...]
    skipped: tuple[SkippedRow, ...]


@sensitive_variables()
def import_keys(stream: BinaryIO, name: str, options: Options, *, dry_run: bool = False, without: Collection[int] = ()) -> Report:
    """Imports the file called `name`, `without` the rows of these numbers. Raises `KeyImportError`, and then nothing is
    written."""
    try:
        key_ring()  # without one a dry run would promise what the import cannot do
        contents = read_keys(stream, name, options, _vendors())
        with transaction.atomic():
            # Every writer of the catalog raises this row first: whoever holds it reads a catalog that stands still.
            CatalogVersion.objects.select_for_update().filter(pk=VERSION_ROW).first()
            rows = [row for row in contents.keys if row.number not in without]
            plan = plan_changes(progress(rows, "Comparing", total=len(rows), forced=options.progress))
            if contents.problems or plan.problems:
                raise BadRows([*contents.problems, *plan.problems])
            if not dry_run:
                _write(plan, forced=options.progress)
    except EncryptionError as error:
        raise KeyImportError(f"the keys cannot be encrypted: {error}") from None
    except IntegrityError:
        raise KeyImportError("the catalog was changed at the same time: run the import again") from None
    return Report(tuple(plan.changes), tuple(contents.skipped))


def _vendors() -> Vendors:
    types_of_variable: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for known in registry.provider_types():
        types_of_variable[known.key_variable] += (known.name,)
    types_of_variable.pop("", None)
    types = {known.name: known.name for known in registry.provider_types()}
    for name, kind, api_base in Provider.objects.values_list("name", "type", "api_base"):
        types[name] = "" if api_base else kind  # behind an address of their own there may be any vendor's keys
    return Vendors(types_of_variable, lambda row: types.get(row.provider, row.type))


def _write(plan: Plan, *, forced: bool) -> None:
    """Credentials first, since providers refer to them. Upserts by primary key: bulk updates take thirty times as long."""
    for credentials in _batches(progress(plan.credentials.values(), "Credentials", total=len(plan.credentials), forced=forced)):
        Credential.objects.bulk_create(credentials, update_conflicts=True, unique_fields=["id"], update_fields=CREDENTIAL_FIELDS)
    for providers in _batches(progress(plan.providers, "Providers", total=len(plan.providers), forced=forced)):
        Provider.objects.bulk_create(providers, update_conflicts=True, unique_fields=["id"], update_fields=PROVIDER_FIELDS)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch
