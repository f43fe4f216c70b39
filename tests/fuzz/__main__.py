"""Lets atheris feed a target: `python -m tests.fuzz TARGET [options of libFuzzer]`, for example `-max_total_time=120`, or
files that hold one input each, to run those alone.

What it learns stays in `.fuzz/TARGET`; an input that breaks something is left as `.fuzz/TARGET-crash-…`.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["providers"]):
    from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2] / ".fuzz"


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"name a target: {', '.join(TARGETS)}")
    name, *options = sys.argv[1:]
    corpus = ROOT / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].inputs():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    inputs = [] if any(not option.startswith("-") for option in options) else [str(corpus)]
    atheris.Setup([sys.argv[0], f"-artifact_prefix={ROOT / name}-", *options, *inputs], TARGETS[name].run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
