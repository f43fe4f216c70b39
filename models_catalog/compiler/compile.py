"""In which order is a catalog compiled? One consistent read with a fixed number of queries, then models, then client keys."""

from __future__ import annotations

from dataclasses import replace

from django.db import DEFAULT_DB_ALIAS

from models_catalog.compiler.clients import CLIENT_KEY, clients_of
from models_catalog.compiler.entries import Entries
from models_catalog.compiler.problems import Problems
from models_catalog.compiler.rows import KeyRows, Rows
from models_catalog.consistent_read import consistent_read
from models_catalog.publish import current_versions
from models_catalog.snapshot import CatalogSnapshot


def compile_snapshot(using: str = DEFAULT_DB_ALIAS) -> CatalogSnapshot:
    """The catalog as it is in the database. Raises database errors only: a bad row becomes a `Problem`."""
    with consistent_read(using):
        rows = Rows.read(using)
    return compiled(rows)


def compile_newer(before: CatalogSnapshot, using: str = DEFAULT_DB_ALIAS) -> CatalogSnapshot:
    """As `compile_snapshot`. If only client keys have changed since `before`, targets and adapters are the very same objects:
    what they have learned and opened stays."""
    with consistent_read(using):
        version = current_versions(using)
        only_keys = version.routing == before.routing_version
        rows = KeyRows.read(using, version) if only_keys else Rows.read(using)
    return compiled(rows) if isinstance(rows, Rows) else with_clients(before, rows)


def compiled(rows: Rows) -> CatalogSnapshot:
    """The snapshot of the rows of one moment."""
    problems = Problems()
    entries = Entries(rows, problems)
    snapshot = CatalogSnapshot(
        models=entries.models(),
        problems=tuple(problems.found),
        models_body=b'{"object":"list","data":[' + b",".join(entry.card for entry in entries.served.values()) + b"]}",
        wildcards=entries.wildcards(),
    )
    return with_clients(snapshot, rows.keys)


def with_clients(routing: CatalogSnapshot, rows: KeyRows) -> CatalogSnapshot:
    """The snapshot with these client keys in place of those that it has."""
    problems = Problems()
    clients = clients_of(rows, problems)
    kept = (problem for problem in routing.problems if not problem.where.startswith(CLIENT_KEY))
    return replace(
        routing,
        version=rows.version.number,
        routing_version=rows.version.routing,
        clients=clients,
        problems=(*kept, *problems.found),
    )
