"""How are processes started for a measurement, and what have they used? C tools, CPU placement, and the accounts of /proc."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TICKS = os.sysconf("SC_CLK_TCK")
CPUS = sorted(os.sched_getaffinity(0))
GATEWAY_CPU = CPUS[0]
"""What is measured runs here, and nothing else does."""
OTHER_CPU = CPUS[-1]
"""Upstream and load generator run here."""
AWAKE = """
import os, sys
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == int(sys.argv[1]):
    for _ in range(10**6):
        pass
"""


def tool(name: str) -> Path:
    """The C program of that name, compiled when its source is newer. Ends the run when there is no compiler."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", tempfile.gettempdir())) / f"gateway-bench-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True, parents=True)
    source, binary = HERE / f"{name}.c", cache / name
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which(os.environ.get("CC", "cc")) or sys.exit(
            "A C compiler is needed: install one, or name it with CC."
        )
        made = binary.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, "-O2", "-o", made, source], check=True)
        made.replace(binary)
    return binary


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its descendants have used so far."""
    return sum(sum(map(int, fields[11:13])) for one in family(pid) if (fields := _stat(one))) / TICKS


def own_cpu_seconds(pid: int) -> float:
    """As `cpu_seconds`, of the process alone."""
    return sum(map(int, _stat(pid)[11:13])) / TICKS


def memory_mib(pid: int, *, anonymous: bool = False) -> float:
    """What a process and its descendants hold; with `anonymous` without files, but with what is swapped out."""
    names = ("RssAnon:", "VmSwap:") if anonymous else ("VmRSS:",)
    return sum(_status(one, name) for one in family(pid) for name in names) / 1024


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def family(pid: int) -> set[int]:
    """A process and its descendants."""
    parents = {one: int(fields[1]) for one in _pids() if (fields := _stat(one))}
    found, fresh = {pid} & parents.keys(), {pid} & parents.keys()
    while fresh := {child for child, parent in parents.items() if parent in fresh} - found:
        found |= fresh
    return found


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _status(pid: int, name: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/status").read_text().partition(name)[2].split()[0])
    except (OSError, IndexError):
        return 0


def pause(pid: int) -> None:
    """Stops a process and its descendants, so that what they do in the background disturbs nobody."""
    _signal(pid, signal.SIGSTOP)


def resume(pid: int) -> None:
    """Lets them run again."""
    _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: int) -> None:
    for one in family(pid):
        with suppress(ProcessLookupError):
            os.kill(one, number)


def start(
    command: Sequence[str | Path], cpu: int | None, *, log: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A process on one CPU, or anywhere. Without `log` its output is a pipe."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu} if cpu is not None else CPUS)  # a child keeps what its parent has at its birth
    try:
        if log is None:
            return subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE)
        with log.open("ab") as out:
            return subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=out, stderr=subprocess.STDOUT)
    finally:
        os.sched_setaffinity(0, mine)


def stop(process: subprocess.Popen[str], patience: float = 15) -> None:
    """Ends a process and what it has started."""
    children = family(process.pid) - {process.pid}
    resume(process.pid)
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    if process.stdout:
        process.stdout.close()


@contextmanager
def mock_upstream(cpu: int | None = OTHER_CPU) -> Iterator[int]:
    """The mock upstream; its port."""
    process = start([tool("mock_upstream"), "0"], cpu)
    try:
        assert process.stdout
        yield int(process.stdout.readline())
    finally:
        stop(process)


@contextmanager
def awake() -> Iterator[None]:
    """Keeps the CPUs from sleeping, at the lowest priority: waking a virtual one takes longer than what is measured."""
    processes = [start([sys.executable, "-S", "-E", "-c", AWAKE, str(os.getpid())], cpu) for cpu in {GATEWAY_CPU, OTHER_CPU}]
    try:
        yield
    finally:
        for process in processes:
            stop(process)


def begin_load(arguments: Sequence[object], cpu: int | None = OTHER_CPU) -> subprocess.Popen[str]:
    """The load generator, started; `end_load` gives what it found."""
    return start([tool("load"), *map(str, arguments)], cpu)


def end_load(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Waits for a load generator; its report, as the head of load.c describes it."""
    text, _ = process.communicate()
    if process.returncode:
        sys.exit(f"the load generator ended with status {process.returncode}")
    found: dict[str, Any] = json.loads(text)
    return found


def run_load(arguments: Sequence[object], cpu: int | None = OTHER_CPU) -> dict[str, Any]:
    """What the load generator found."""
    return end_load(begin_load(arguments, cpu))
