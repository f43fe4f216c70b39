"""Does everybody import only what they may? The contracts stand in pyproject.toml."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

from tests.architecture.sources import ROOT, files, tree

EXCHANGE = "openai_api/pipeline/exchange.py"
STEPS = {
    ("openai_api.pipeline.admit", "admit"): {EXCHANGE},
    ("openai_api.pipeline.first_event", "first_event"): {EXCHANGE},
    ("openai_api.pipeline.respond", "respond"): {EXCHANGE},
    # What went before a response is asked for at its upstream on the way; nothing is generated. An explanation tries nothing.
    ("openai_api.pipeline.route", "route"): {
        EXCHANGE,
        "openai_api/explain/candidates.py",
        "openai_api/responses/fetch_context.py",
    },
}
"""Functions that nobody may call past `generate`, and who imports them."""


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


def test_step_when_used_then_by_the_exchange_alone() -> None:
    found: dict[tuple[str, str], set[str]] = {step: set() for step in STEPS}
    for path in files("openai_api/*.py", "gateway_project/*.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom):
                for step in {(node.module or "", alias.name) for alias in node.names} & STEPS.keys():
                    found[step].add(str(path.relative_to(ROOT)))
    assert found == STEPS
