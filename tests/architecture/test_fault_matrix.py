"""Does every row of docs/fault-matrix.md stand there once, with tests that exist or a reason?"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MATRIX = (ROOT / "docs" / "fault-matrix.md").read_text()
ROW = re.compile(r"^\| ([USCPEA]\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
NUMBERS = {"U": range(1, 25), "S": range(1, 20), "C": range(1, 14), "P": range(1, 20), "E": range(1, 16), "A": (1, 2, 3, 8)}


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_matrix_when_read_has_every_row_once() -> None:
    assert [row[0] for row in ROW.findall(MATRIX)] == [f"{kind}{number}" for kind, of in NUMBERS.items() for number in of]


def test_tests_when_named_in_the_matrix_exist() -> None:
    named = NAMED.findall(MATRIX)
    assert len(named) > 80
    known = {file: functions_of(ROOT / file) for file in {file for file, _ in named}}
    assert [f"{file}::{name}" for file, name in named if name not in known[file]] == []


def test_row_when_it_names_no_test_gives_a_reason() -> None:
    assert [key for key, _, proof in ROW.findall(MATRIX) if not NAMED.search(proof) and len(proof.split()) < 4] == []
