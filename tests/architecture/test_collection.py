"""The names of the tests are the same each time that they are collected.

The workers of one run collect on their own, and the run ends before its first test when their lists differ: an id
made of the clock (`gzip.compress` writes it), of chance or of the order of a set does that now and then.
"""

import os
import subprocess
import sys
import time

from tests.architecture.sources import ROOT

COLLECT = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]


def collect(seed: int) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONHASHSEED": str(seed)}
    return subprocess.Popen([*COLLECT, "tests"], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def test_names_when_collected_at_another_second_and_in_another_order_of_sets_then_the_same() -> None:
    first = collect(1)
    time.sleep(1.1)
    second = collect(2)
    one, other = ([line for line in run.communicate(timeout=300)[0].splitlines() if "::" in line] for run in (first, second))
    assert len(one) > 1000
    assert one == other
