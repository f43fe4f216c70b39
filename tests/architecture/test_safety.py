"""Is a dangerous construct anywhere in the packages?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import PACKAGES, files, place, tree

MODULES = {"pickle", "marshal", "shelve", "subprocess", "commands", "xml", "telnetlib", "imp", "code", "dill"}
BUILTINS = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
METHODS = {"RawSQL", "system", "popen", "mktemp", "unsafe_load", "full_load"}
QUERIES = {"raw", "extra"}
ROWS = re.compile(r"objects|manager|query_?set|\bqs\b|rows", re.IGNORECASE)
NAMES = {"TYPE_CHECKING", "CERT_NONE", "_create_unverified_context"}


def findings(source: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Each dangerous node and its name."""
    for node in ast.walk(source):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            yield from ((node, name) for name in names if name.partition(".")[0] in MODULES or name in METHODS | NAMES)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILTINS | {"RawSQL"}:
            yield node, node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, receiver = node.func.attr, ast.unparse(node.func.value)
            if name in METHODS or (name in QUERIES and ROWS.search(receiver)):
                yield node, name
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in NAMES:
                yield node, name


def test_packages_when_searched_then_nothing_dangerous_is_found() -> None:
    python = files(*(f"{package}/*.py" for package in PACKAGES))
    assert len(python) > 50
    assert [f"{place(path, node)} {name}" for path in python for node, name in findings(tree(path))] == []


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "import pickle",
        "from subprocess import run",
        "from os import system",
        "Row.objects.raw(sql)",
        "Row.objects.extra(where=[sql])",
        "RawSQL(sql, [])",
        "from typing import TYPE_CHECKING",
        "if typing.TYPE_CHECKING: pass",
        "context.verify_mode = ssl.CERT_NONE",
    ],
)
def test_search_when_something_dangerous_is_there_then_it_is_found(source: str) -> None:
    assert list(findings(ast.parse(source)))
