"""Does anything stay behind when clients leave? Very many requests are cancelled, then everything is counted.

`python -m bench.churn --cancels 1000000`: half of the requests are streams; each client closes after 0 to 6 ms, in turn with
FIN and RST, until so many have left before their answer's end. Ends with status 1 when a request is still in flight, an upstream
connection is busy, a task or descriptor is left, the mock upstream still has a client, or one of the requests that follow fails.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import report, results, watch
from bench.gateways import Installation, Target, body_file, catalog
from bench.processes import GATEWAY_CPU, OTHER_CPU, mock_upstream, run_load
from bench.trend import Trend, trend

LEAVES_WITHIN_MS = 6
CONNECTIONS = 24
AFTERWARDS = 200
MODELS = {"instant": "instant", "slow": "delay-3", "stream": "chunks-20-every-1", "endless": "chunks-100-every-5"}
KINDS = (("slow", False), ("stream", True), ("endless", True), ("instant", False))
SLICE = 40_000
LEFT = 'status="499"'
KEPT = 1_000_000
"""Runs of this length are shown in docs/performance.md."""
MOST_SENT = 10
"""Requests for each that is to be cancelled, at most: the others were answered before their client left."""
SPARE = 2
"""Tasks and descriptors that come and go by themselves: a connection that asks for metrics, a file that is being written."""


@dataclass(slots=True)
class Churn:
    """What a run found. `cancelled` are the requests whose client left before the end of its answer, `memory` MiB before
    the run and after it, `samples` (cancelled so far, MiB)."""

    before: watch.Held
    after: watch.Held
    memory: tuple[float, float]
    exchanges: int = 0
    cancelled: int = 0
    cut_upstream: int = 0
    succeeded: int = 0
    upstream_busy: int = 0
    records_dropped: int = 0
    seconds: float = 0.0
    samples: list[tuple[int, float]] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What is wrong, in words; empty when all is well."""
        before, after = self.before, self.after
        checks = {
            f"{after.in_flight} requests in flight": after.in_flight != 0,
            f"{after.active} busy upstream connections": after.active != 0,
            f"{after.tasks} tasks, {before.tasks} before": after.tasks > before.tasks + SPARE,
            f"{after.files} descriptors beside the pool, {before.files} before": after.files > before.files + SPARE,
            f"{self.upstream_busy} exchanges still run at the upstream": self.upstream_busy != 0,
            f"{AFTERWARDS - self.succeeded} of {AFTERWARDS} following requests failed": self.succeeded != AFTERWARDS,
            f"only {self.cancelled} of {self.exchanges} requests were cancelled": self.cancelled < self.exchanges / MOST_SENT,
        }
        return [text for text, wrong in checks.items() if wrong]

    def slope(self) -> Trend | None:
        """MiB per 10⁵ cancelled requests, once the first fifth is over."""
        late = self.samples[len(self.samples) // 5 :]
        return trend([done / 1e5 for done, _ in late], [mib for _, mib in late]) if len(late) > 4 else None


def upstream_state(port: int) -> dict[str, int]:
    """What the mock upstream tells of itself."""
    import json
    from urllib.request import urlopen

    with urlopen(f"http://127.0.0.1:{port}/state", timeout=10) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def warm(target: Target, folder: Path, cpu: int | None) -> None:
    """Everything that is made at the first use is made now."""
    for model, stream in KINDS:
        arguments = target.arguments(body_file(folder, model, stream=stream))
        run_load(["--requests", 100, "--connections", 16, *arguments], cpu)
    time.sleep(1.5)


def churn(target: Target, upstream: int, folder: Path, cancels: int, cpu: int | None = OTHER_CPU) -> Churn:
    """Sends requests until that many were cancelled."""
    warm(target, folder, cpu)
    before, began, mib = watch.held(target), time.monotonic(), watch.memory(target)
    found = Churn(before, before, (mib, mib))
    bodies = [body_file(folder, model, stream=stream) for model, stream in KINDS]
    size = min(SLICE, -(-cancels // len(KINDS)))
    cut_before, cancelled_before = upstream_state(upstream)["cut"], cancelled(target)
    for turn in range(MOST_SENT * -(-cancels // size)):
        limits = ["--requests", size, "--connections", CONNECTIONS, "--seed", turn, "--cancel", LEAVES_WITHIN_MS]
        report = run_load([*limits, *target.arguments(bodies[turn % len(bodies)])], cpu)
        found.exchanges += report["targets"][0]["sent"]
        found.cancelled = cancelled(target) - cancelled_before
        found.samples.append((found.cancelled, watch.memory(target)))
        if found.cancelled >= cancels:
            break
    found.after = watch.settled(target, lambda now: _calm(before, now))
    found.cut_upstream = upstream_state(upstream)["cut"] - cut_before
    found.cancelled = cancelled(target) - cancelled_before
    report = run_load(["--requests", AFTERWARDS, "--connections", 8, *target.arguments(bodies[-1])], cpu)
    found.succeeded = report["targets"][0]["ok"]
    found.upstream_busy = upstream_state(upstream)["busy"]
    found.records_dropped = watch.dropped(target)
    found.memory = (mib, watch.memory(target))
    found.seconds = time.monotonic() - began
    return found


def cancelled(target: Target) -> int:
    """How many requests the gateway has counted whose client left before their end."""
    return int(sum(n for (name, labels), n in watch.metrics(target).items() if name == "requests_total" and LEFT in labels))


def _calm(before: watch.Held, now: watch.Held) -> bool:
    return now.in_flight == 0 and now.active == 0 and now.tasks <= before.tasks + SPARE and now.files <= before.files + SPARE


@contextmanager
def measured(*, pinned: bool = True) -> Iterator[tuple[Target, int, Path, int | None]]:
    """A gateway before a mock upstream: target, the upstream's port, a folder, the CPU for load."""
    cpu = OTHER_CPU if pinned else None
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name, mock_upstream(cpu) as upstream:
        folder = Path(name)
        installation = Installation(folder / "ours", catalog(upstream, MODELS))
        with installation.serve(cpu=GATEWAY_CPU if pinned else None) as target:
            yield target, upstream, folder, cpu


def tell(found: Churn) -> dict[str, Any]:
    """The run as it is printed."""
    slope, fifth = found.slope(), found.samples[len(found.samples) // 5][1]
    return {
        "requests": found.exchanges,
        "of them cancelled: their client left before the end": found.cancelled,
        "of these while the upstream was at work": found.cut_upstream,
        "seconds": round(found.seconds, 1),
        "before": found.before._asdict(),
        "after": found.after._asdict(),
        "following requests that succeeded": f"{found.succeeded} of {AFTERWARDS}",
        "records dropped": found.records_dropped,
        "upstream exchanges that still run": found.upstream_busy,
        "MiB before, after a fifth of the way, after": f"{found.memory[0]:.1f}, {fifth:.1f}, {found.memory[1]:.1f}",
        "MiB per 10⁵ cancelled": f"{slope.slope:.3f} ± {slope.margin:.3f}" if slope else "too few measurements",
        "samples": found.samples,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cancels", type=int, default=1_000_000)
    options = parser.parse_args()
    with measured() as (target, upstream, folder, cpu):
        found = churn(target, upstream, folder, options.cancels, cpu)
    told = tell(found)
    for name, value in list(told.items())[:-1]:
        print(f"{name:56}{value}")
    if options.cancels >= KEPT:
        results.save("churn", told)
        report.write()
    if faults := found.faults():
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
