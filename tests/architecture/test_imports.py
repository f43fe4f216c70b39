"""Does everybody import only what they may? The contracts stand in pyproject.toml."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.architecture.sources import ROOT


def test_imports_when_contracts_are_checked_then_all_are_kept() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout
