"""In which order is a catalog compiled? One consistent read with a fixed number of queries, then models, then client keys."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS

from models_catalog.compiler.clients import clients_of
from models_catalog.compiler.entries import Entries
from models_catalog.compiler.problems import Problems
from models_catalog.compiler.rows import Rows
from models_catalog.consistent_read import consistent_read
from models_catalog.snapshot import CatalogSnapshot


def compile_snapshot(using: str = DEFAULT_DB_ALIAS) -> CatalogSnapshot:
    """The catalog as it is in the database. Raises database errors only: a bad row becomes a `Problem`."""
    with consistent_read(using):
        rows = Rows.read(using)
    return compiled(rows)


def compiled(rows: Rows) -> CatalogSnapshot:
    """The snapshot of the rows of one moment."""
    problems = Problems()
    entries = Entries(rows, problems)
    clients = clients_of(rows.keys, {pk: row.name for pk, row in rows.models.items()}, problems)
    return CatalogSnapshot(
        version=rows.version,
        clients=clients,
        models=entries.models(),
        problems=tuple(problems.found),
        models_body=b'{"object":"list","data":[' + b",".join(entry.card for entry in entries.served.values()) + b"]}",
        wildcards=entries.wildcards(),
    )
