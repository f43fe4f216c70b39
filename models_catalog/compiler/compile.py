"""In which order is a catalog compiled? One consistent read with a fixed number of queries, then models, then client keys."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from django.db import DEFAULT_DB_ALIAS

from models_catalog.compiler.clients import OF_KEYS, Clients
from models_catalog.compiler.entries import Entries
from models_catalog.compiler.hooks import hooks_of
from models_catalog.compiler.key_tables import KeyRows
from models_catalog.compiler.problems import Problems
from models_catalog.compiler.published import report, shared_names
from models_catalog.compiler.rows import Rows
from models_catalog.consistent_read import consistent_read
from models_catalog.publish import current_versions
from models_catalog.snapshot import CatalogSnapshot


def compile_snapshot(using: str = DEFAULT_DB_ALIAS) -> CatalogSnapshot:
    """The catalog as it is in the database. Raises database errors only: a bad row becomes a `Problem`."""
    with consistent_read(using):
        rows = Rows.read(using)
    return compiled(rows)


def compile_routing(chosen: Collection[int] | None = None, using: str = DEFAULT_DB_ALIAS) -> CatalogSnapshot:
    """As `compile_snapshot`, but without client keys and rules, of which there may be very many; with all models, or with those
    alone whose primary keys are `chosen`."""
    with consistent_read(using):
        rows = Rows.read_routing(using, chosen)
    return compiled(rows)


def compile_newer(before: CatalogSnapshot, using: str = DEFAULT_DB_ALIAS) -> CatalogSnapshot:
    """As `compile_snapshot`. If only client keys have changed since `before`, targets and adapters are the very same objects:
    what they have learned and opened stays. Of the client keys no more is read than was written since."""
    known = before.clients if isinstance(before.clients, Clients) else None
    kept = None if known is None else known.rows
    with consistent_read(using):
        version = current_versions(using)
        only_keys = version.routing == before.routing_version
        rows = KeyRows.read(using, version, before=kept) if only_keys else Rows.read(using, kept)
    return compiled(rows, known) if isinstance(rows, Rows) else with_clients(before, rows, known)


def compiled(rows: Rows, known: Clients | None = None) -> CatalogSnapshot:
    """The snapshot of the rows of one moment, by the clients of the moment before."""
    problems = Problems()
    entries = Entries(rows, problems)
    hooks = hooks_of(rows.hooks, rows.hook_keys, problems)
    snapshot = CatalogSnapshot(
        models=entries.models(),
        problems=tuple(problems.found),
        models_body=b'{"object":"list","data":[' + b",".join(entry.card for entry in entries.served.values()) + b"]}",
        wildcards=entries.wildcards(),
        hooks=hooks,
    )
    return with_clients(snapshot, rows.keys, known)


def with_clients(routing: CatalogSnapshot, rows: KeyRows, known: Clients | None = None) -> CatalogSnapshot:
    """The snapshot with these client keys in place of those that it has."""
    problems = Problems()
    clients = Clients(rows, known)
    clients.report(problems)
    report(rows.publication, problems)
    kept = (problem for problem in routing.problems if not problem.where.startswith(OF_KEYS))
    return replace(
        routing,
        version=rows.version.number,
        routing_version=rows.version.routing,
        clients=clients,
        purges=routing.purges if routing.purges == rows.version.purges else rows.version.purges,
        model_bounds=clients.bounds.of_models(rows.names),
        shared=shared_names(rows.publication, routing.shared),
        problems=(*kept, *problems.found),
    )
