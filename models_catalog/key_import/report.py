"""How is the result of an import shown? One line for each row: its number, the outcome, the provider, and the key's last four
characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from models_catalog.key_import.importing import Report
from models_catalog.key_import.rows import RowProblem

SHOWN_PROBLEMS = 100


def report_lines(report: Report) -> Iterator[str]:
    """A table in the order of the file, without its summary."""
    told = [
        (change.number, str(change.outcome), change.provider.name, f"…{change.credential.last_four}") for change in report.changes
    ]
    told += [(skipped.number, "skipped", skipped.reason, "") for skipped in report.skipped]
    numbers = max((len(str(number)) for number, *_ in told), default=0)
    names = max((len(change.provider.name) for change in report.changes), default=0)
    for number, outcome, name, last_four in sorted(told):
        yield f"row {number:>{numbers}}  {outcome:<9}  {name:<{names if last_four else 0}}  {last_four}".rstrip()


def summary(report: Report) -> str:
    """The number of rows by outcome."""
    counts = Counter([str(change.outcome) for change in report.changes] + ["skipped"] * len(report.skipped))
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("created", "updated", "unchanged", "skipped"))


def problem_lines(problems: Sequence[RowProblem]) -> Iterator[str]:
    """A line for each of the first hundred problems, and the number of the others."""
    for problem in problems[:SHOWN_PROBLEMS]:
        yield f"row {problem.number}: {problem.message}"
    if len(problems) > SHOWN_PROBLEMS:
        yield f"… and {len(problems) - SHOWN_PROBLEMS} more rows"
