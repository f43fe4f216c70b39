"""How is a path of the table asked for? With something in place of its variable."""

from __future__ import annotations

import re

VARIABLE = re.compile(r"\{[^}]*\}")


def filled(path: str, value: str = "x") -> str:
    """The path of one thing."""
    return VARIABLE.sub(value, path)


def is_template(path: str) -> bool:
    """Whether the path has a variable."""
    return "{" in path
