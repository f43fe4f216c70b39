"""What does the gateway cost? Measured against a mock upstream, with authentication, routing and everything else on.

`make bench` runs all; `python -m bench.run --seconds 2` is quick, `--json` prints numbers. docs/benchmarks.md explains them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from bench.load import Target, paced, percentile, saturate
from bench.upstream import EVENTS

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
CATALOG = """
[models.bench]
routing = ["mock"]

[models.bench.providers.mock]
type = "openai_compatible"
model_name = "bench-upstream"
api_base = "http://127.0.0.1:{port}/v1"
"""


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    """Memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def started(command: list[str], env: dict[str, str], cpus: set[int], ready: str) -> Iterator[tuple[int, str]]:
    """A process on those CPUs, once it has printed a line that holds `ready`; its id and that line."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    try:
        os.sched_setaffinity(process.pid, cpus)
        assert process.stdout
        line = next((line for line in process.stdout if ready in line), None)
        if line is None:
            sys.exit(f"{' '.join(command)} ended with status {process.wait()}")
        yield process.pid, line.strip()
    finally:
        process.terminate()
        process.wait()


@contextmanager
def gateway(upstream_port: int, cpus: set[int]) -> Iterator[tuple[int, Target]]:
    """The gateway with a catalog of one model, in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        env = {**kept, "GATEWAY_DATA_DIR": directory, "LOG_LEVEL": "warning", "PYTHONUNBUFFERED": "1"}
        manage = [sys.executable, "manage.py"]

        def run(*arguments: str, text: str = "") -> str:
            done = subprocess.run(
                [*manage, *arguments], cwd=ROOT, env=env, input=text, capture_output=True, text=True, check=True
            )
            return done.stdout

        run("quickstart")
        run("import_config", "-", "--format", "gateway", text=CATALOG.format(port=upstream_port))
        key = json.loads(run("create_api_key", "bench", "--json"))["key"]
        with started([*manage, "serve", "--port", "0"], env, cpus, "serves on") as (pid, line):
            port = int(line.split()[3].rpartition(":")[2])
            yield pid, Target(port, (f"authorization: Bearer {key}",))


async def measure(direct: Target, through: Target, pid: int, seconds: float) -> dict[str, float]:
    """All figures by name; times in milliseconds unless the name says otherwise."""
    await saturate(through, connections=16, seconds=1)
    found: dict[str, float] = {}

    own = await saturate(direct, connections=32, seconds=seconds)
    found["requests/s direct"] = len(own.whole) / seconds
    before = cpu_seconds(pid)
    full = await saturate(through, connections=32, seconds=seconds)
    found["requests/s"] = len(full.whole) / seconds
    found["CPU µs/request"] = (cpu_seconds(pid) - before) / len(full.whole) * 1e6

    for rate in (500, 200):
        plain, added = await paced([direct, through], rate=2 * rate, seconds=seconds)
        for share in (0.5, 0.99):
            extra = percentile(added.whole, share) - percentile(plain.whole, share)
            found[f"added p{round(share * 100)} at {rate}/s"] = extra

    plain, added = await paced([direct, through], rate=100, seconds=seconds, stream=True)
    found["added first byte p50"] = percentile(added.first, 0.5) - percentile(plain.first, 0.5)
    before = cpu_seconds(pid)
    streams = await saturate(through, connections=8, seconds=seconds, stream=True)
    found["CPU µs/event"] = (cpu_seconds(pid) - before) / (len(streams.whole) * EVENTS) * 1e6
    found["RSS MiB"] = resident_mib(pid)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    options = parser.parse_args()
    cpus = sorted(os.sched_getaffinity(0))
    ours, others = {cpus[0]}, set(cpus[1:]) or set(cpus)
    os.sched_setaffinity(0, others)
    with (
        started([sys.executable, "-m", "bench.upstream"], dict(os.environ), others, "") as (_, port),
        gateway(int(port), ours) as (pid, through),
    ):
        found = uvloop.run(measure(Target(int(port)), through, pid, options.seconds))
    if options.json:
        print(json.dumps(found))
    for name, value in found.items() if not options.json else ():
        print(f"{name:24}{value:10.2f}" if value < 100 else f"{name:24}{value:10,.0f}")


if __name__ == "__main__":
    main()
