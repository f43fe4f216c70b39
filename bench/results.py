"""Where do measurements stay? In a JSON file for each kind of run, with the machine that they were made on."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.processes import HERE

FOLDER = HERE / "results"
SHOWN = ("Model name", "CPU(s)", "Thread(s) per core", "Hypervisor vendor", "L2 cache")


def save(name: str, found: dict[str, Any]) -> None:
    """Keeps a run's result as `results/NAME.json`."""
    FOLDER.mkdir(exist_ok=True)
    arguments = ["PATH" if argument.startswith("/") else argument for argument in sys.argv[1:]]
    command = shlex.join(["python", "-m", f"bench.{Path(sys.argv[0]).stem}", *arguments])
    whole = {"command": command, "date": time.strftime("%Y-%m-%d"), "machine": machine(), **found}
    (FOLDER / f"{name}.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def load(name: str) -> dict[str, Any] | None:
    """The last result of that kind."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def machine() -> dict[str, str]:
    """What the figures belong to."""
    listed = subprocess.run(["lscpu"], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}).stdout
    rows = {name: value.strip() for name, colon, value in (line.partition(":") for line in listed.splitlines()) if colon}
    cpu = {name: rows[name] for name in SHOWN if name in rows}
    return {**cpu, "Kernel": f"{platform.system()} {platform.release().partition('-')[0]}", "Python": platform.python_version()}
