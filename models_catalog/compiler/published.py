"""What is made of the row of a publication? The names that it shares, and its problems."""

from __future__ import annotations

from models_catalog.compiler.problems import Problems
from models_catalog.models import Publication
from models_catalog.snapshot import Problem, SharedNames

PUBLICATION = "publication "
"""How the places of its problems begin."""


def shared_names(row: Publication | None, before: SharedNames) -> SharedNames:
    """The names of the row; the very same object while they are the same."""
    names = {} if row is None else row.names
    return before if names == before.names else SharedNames(names)


def report(row: Publication | None, problems: Problems) -> None:
    """What was published and could not be taken over. Nothing that was in force before is lost by it."""
    for place, message in () if row is None else row.problems:
        problems.found.append(Problem(f"{PUBLICATION}{place}", message))
