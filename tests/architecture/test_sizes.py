"""Is every file and every function small enough to be read at once?"""

from __future__ import annotations

import ast

from tests.architecture.sources import files, place, tree

MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 60


def test_files_when_measured_then_none_is_longer_than_400_lines() -> None:
    lengths = {place(path): len(path.read_text().splitlines()) for path in files("*.py")}
    assert {where: length for where, length in lengths.items() if length > MOST_FILE_LINES} == {}


def test_functions_when_measured_then_none_is_longer_than_60_lines() -> None:
    found = {}
    for path in files("*.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                found[f"{place(path, node)} {node.name}"] = node.end_lineno - node.lineno + 1
    assert {where: length for where, length in found.items() if length > MOST_FUNCTION_LINES} == {}
    assert len(found) > 100


def test_modules_when_opened_then_the_first_line_says_what_they_answer() -> None:
    silent = [place(path) for path in files("*.py") if tree(path).body and not ast.get_docstring(tree(path))]
    assert silent == []
