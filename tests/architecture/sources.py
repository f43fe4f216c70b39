"""Which files are the project's own? What git tracks, or would track."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway_project", "openai_api", "models_catalog", "providers")


@cache
def files(*patterns: str) -> tuple[Path, ...]:
    """The project's files that match any of the patterns of `git ls-files`, without generated migrations."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return tuple(ROOT / name for name in sorted(filter(None, listed)) if "/migrations/0" not in name and (ROOT / name).is_file())


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(), str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    """How a finding is named: the path in the project, and the line."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"
