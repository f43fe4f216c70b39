"""How is the result of an import of client keys told? By row: number, outcome, name, and the key's last four characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from models_catalog.key_import.clients.importing import Report


def report_lines(report: Report) -> Iterator[str]:
    """A table in the order of the file, and what is new besides keys."""
    width = max((len(str(change.number)) for change in report.changes), default=0)
    for change in sorted(report.changes, key=lambda change: change.number):
        end = f"  …{change.key.last_four}" if change.key.last_four else ""
        bounds = f"  {', '.join(change.bounds)}" if change.bounds else ""
        yield f"row {change.number:>{width}}  {change.outcome:<9}  {change.key.name}{end}{bounds}"
    yield from (f"new {owner}" for owner in report.owners)
    yield from warning_lines(report)


def warning_lines(report: Report) -> Iterator[str]:
    """What restricted keys elsewhere and does not here."""
    lost = Counter(name for change in report.changes for name in change.lost)
    for name, count in sorted(lost.items()):
        yield f"not taken over: {name[:60]}, which {count} of these keys have where they come from"


def summary(report: Report) -> str:
    """The number of rows by outcome."""
    counts = Counter(str(change.outcome) for change in report.changes)
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("created", "unchanged"))
