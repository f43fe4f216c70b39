"""What does a running gateway hold? Its own metrics, and what the kernel knows of the process."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable
from typing import NamedTuple

from bench.gateways import Target
from bench.processes import descriptors, memory_mib

SAMPLE = re.compile(r"^signalbox_(\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)


class Held(NamedTuple):
    """What may not grow: requests under way, busy upstream connections, tasks, descriptors beside idle upstream connections."""

    in_flight: int
    active: int
    tasks: int
    files: int


def metrics(target: Target) -> dict[tuple[str, str], float]:
    """The gateway's metrics by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{target.port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {(name, labels): float(value) for name, labels, value in SAMPLE.findall(text)}


def held(target: Target) -> Held:
    """What it holds now; the request that asks is not counted."""
    found = metrics(target)
    idle = int(found.get(("pool_connections", 'state="idle"'), 0))
    active = int(found.get(("pool_connections", 'state="active"'), 0))
    tasks = int(found[("tasks", "")])
    return Held(int(found[("requests_in_flight", "")]) - 1, active, tasks, descriptors(target.pid) - idle)


def settled(target: Target, good: Callable[[Held], bool], seconds: float = 10) -> Held:
    """What it holds once that is good, or when the time is over."""
    deadline = time.monotonic() + seconds
    while not good(now := held(target)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return now


def dropped(target: Target) -> int:
    """Records that the gateway could not keep."""
    return int(metrics(target).get(("records_dropped_total", ""), 0))


def memory(target: Target) -> float:
    """MiB of anonymous memory, swapped or not."""
    return memory_mib(target.pid, anonymous=True)
