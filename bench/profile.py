"""Where does the time go? py-spy samples a saturated gateway; the hottest functions are printed and kept.

`python -m bench.profile --seconds 20`. py-spy must be installed, and may need the right to trace processes.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench import churn, report, results
from bench.gateways import body_file
from bench.processes import begin_load, end_load

SHOWN = 15


def stacks(pid: int, seconds: int, folder: Path) -> Counter[tuple[str, ...]]:
    """Samples by stack, outermost function first."""
    program = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if program is None:
        sys.exit("py-spy is not installed.")
    path = folder / "stacks"
    command = [
        program,
        "record",
        "--pid",
        str(pid),
        "--duration",
        str(seconds),
        "--rate",
        "500",
        "--format",
        "raw",
        "--output",
        str(path),
    ]
    subprocess.run([*command, "--function", "--threads"], check=True, capture_output=True)
    found: Counter[tuple[str, ...]] = Counter()
    for line in path.read_text().splitlines():
        frames, _, count = line.rpartition(" ")
        thread, *stack = frames.split(";")
        if "MainThread" in thread and stack:
            found[tuple(stack)] += int(count)
    return found


def hottest(found: Counter[tuple[str, ...]]) -> list[tuple[str, float, float]]:
    """Functions with the share of samples in percent that were in them, and in them or below."""
    inside: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for stack, count in found.items():
        inside[stack[-1]] += count
        for frame in set(stack):
            below[frame] += count
    total = inside.total() or 1
    return [(name, 100 * count / total, 100 * below[name] / total) for name, count in inside.most_common(SHOWN)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--stream", action="store_true", help="profile streams in bursts; printed only")
    options = parser.parse_args()
    with churn.measured() as (target, _, folder, cpu):
        body = body_file(folder, "endless" if options.stream else "instant", stream=options.stream)
        load = begin_load(["--seconds", options.seconds + 4, "--connections", 64, *target.arguments(body)], cpu)
        found = hottest(stacks(target.pid, options.seconds, folder))
        end_load(load)
    for name, share, below in found:
        print(f"{share:6.1f} %{below:8.1f} %  {name}")
    if not options.stream:
        results.save("profile", {"functions": found})
        report.write()


if __name__ == "__main__":
    main()
