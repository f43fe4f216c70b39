"""Does it still stand after a long time? Everything at once, for minutes or hours, and the slope of the memory.

`python -m bench.soak --minutes 60`: whole answers, streams, failing routes, retries, fallbacks, refused keys and requests,
clients that leave, and edits of the catalog. Ends with status 1 when a request failed that should have succeeded, or when
something is left behind. Writes docs/soak.svg and results for docs/performance.md, unless `--no-page` is given.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import report, results, watch
from bench.churn import SPARE, upstream_state
from bench.gateways import Installation, Target, body_file, catalog, model_block
from bench.graph import graph
from bench.processes import GATEWAY_CPU, OTHER_CPU, ROOT, begin_load, end_load, mock_upstream, run_load
from bench.trend import Trend, trend

MODELS = {"instant": "instant", "stream": "chunks-20-every-1", "endless": "chunks-400-every-5", "failing": "status-503"}
EDIT_S = 4.0
SLICE_S = 4.0
WARM_SHARE = 0.2
"""What is left out of the slope: pools, caches and the first full tables of the database."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of traffic: a model, how many a second at full strength, and whether each request must succeed."""

    model: str
    rate: int
    stream: bool = False
    good: bool = True
    key: bool = True


TRAFFIC = (
    Stream("instant", 1000),
    Stream("stream", 80, stream=True),
    Stream("retried", 80),
    Stream("fallen", 40, stream=True),
    Stream("edited", 80),
    Stream("failing", 20, good=False),
    Stream("unknown", 20, good=False),
    Stream("instant", 20, good=False, key=False),
)


@dataclass(slots=True)
class Soak:
    """What a run found. `samples` are (requests so far, MiB)."""

    before: watch.Held
    after: watch.Held
    requests: int = 0
    cancelled: int = 0
    edits: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    upstream_busy: int = 0
    records_dropped: int = 0
    seconds: float = 0.0
    samples: list[tuple[int, float]] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What is wrong, in words; empty when all is well."""
        before, after = self.before, self.after
        checks = {
            f"requests that went wrong: {self.wrong}": bool(self.wrong),
            f"{after.in_flight} requests in flight": after.in_flight != 0,
            f"{after.active} busy upstream connections": after.active != 0,
            f"{after.tasks} tasks, {before.tasks} before": after.tasks > before.tasks + SPARE,
            f"{after.files} descriptors beside the pool, {before.files} before": after.files > before.files + SPARE,
            f"{self.upstream_busy} exchanges still run at the upstream": self.upstream_busy != 0,
            f"{self.records_dropped} records were dropped": self.records_dropped != 0,
            "the catalog was not edited": self.edits == 0,
            "no client has left": self.cancelled == 0,
        }
        return [text for text, bad in checks.items() if bad]

    def slope(self) -> Trend:
        """MiB per 10⁵ requests, once the warm part is over."""
        late = [sample for sample in self.samples if sample[0] >= WARM_SHARE * self.requests]
        return trend([done / 1e5 for done, _ in late], [mib for _, mib in late])


def soak_catalog(upstream: int, edit: int = 0) -> str:
    """The models of the traffic; `edit` changes one of them and adds or removes another."""
    text = catalog(upstream, MODELS)
    text += model_block("retried", [("mock", "status-503"), ("mock", "instant")], "retry_config = { num_retries = 1 }\n")
    text += model_block("fallen", [("mock", "status-500")], 'fallback_models = ["stream"]\n')
    text += model_block("edited", [("mock", f"instant-{edit}")])
    return text + (model_block(f"new-{edit}", [("mock", "instant")]) if edit else "")


@contextmanager
def editing(installation: Installation, upstream: int, found: Soak) -> Iterator[None]:
    """Edits the catalog by its own command until the block ends."""
    over = threading.Event()

    def edit() -> None:
        for number in itertools.count(1):
            if over.wait(EDIT_S):
                return
            text = soak_catalog(upstream, number)
            installation.command("import_config", "-", "--format", "gateway", "--prune", text=text)
            found.edits += 1

    thread = threading.Thread(target=edit)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def traffic(target: Target, folder: Path, seconds: float, cpu: int | None, strength: float, found: Soak) -> None:
    """All kinds of traffic at once, for some seconds; clients that leave among them."""
    kinds = []
    for kind in TRAFFIC:
        whom = target if kind.key else Target("nobody", target.port, ("authorization: Bearer sk-gw-unknown",))
        arguments = whom.arguments(body_file(folder, kind.model, stream=kind.stream))
        pace = ["--rate", kind.rate * strength, "--seconds", seconds, "--warmup", 0, "--connections", 16]
        kinds.append((kind, begin_load([*pace, *arguments], cpu)))
    cuts = ["--cancel", 200, "--connections", 4, "--requests", round(seconds * 30), "--seed", len(found.samples)]
    leaving = begin_load([*cuts, *target.arguments(body_file(folder, "endless", stream=True))], cpu)
    for kind, process in kinds:
        answered = end_load(process)["targets"][0]
        found.requests += answered["answered"]
        bad = answered["broken"] + answered["unfinished"] + answered[("ok", "failed")[kind.good]]
        bad += answered["streams"] - answered["clean"]
        if bad:
            name = f"{kind.model}{'' if kind.key else ' without a key'} {answered['last_failure'] or ''}".strip()
            found.wrong[name] = found.wrong.get(name, 0) + bad
    left = end_load(leaving)["targets"][0]["sent"]
    found.requests += left
    found.cancelled += left


def soak(
    target: Target,
    installation: Installation,
    upstream: int,
    folder: Path,
    seconds: float,
    cpu: int | None = OTHER_CPU,
    *,
    strength: float = 1.0,
) -> Soak:
    """Runs the traffic for that long; `strength` multiplies its rates."""
    for kind in TRAFFIC:
        run_load(
            ["--requests", 64, "--connections", 16, *target.arguments(body_file(folder, kind.model, stream=kind.stream))], cpu
        )
    time.sleep(1.5)
    before, began = watch.held(target), time.monotonic()
    found = Soak(before, before)
    with editing(installation, upstream, found):
        while time.monotonic() - began < seconds:
            traffic(target, folder, SLICE_S, cpu, strength, found)
            found.samples.append((found.requests, watch.memory(target)))
    found.after = watch.settled(target, lambda now: now.in_flight == now.active == 0 and now.tasks <= before.tasks + SPARE)
    found.upstream_busy, found.records_dropped = upstream_state(upstream)["busy"], watch.dropped(target)
    found.seconds = time.monotonic() - began
    return found


@contextmanager
def measured(*, pinned: bool = True) -> Iterator[tuple[Target, Installation, int, Path, int | None]]:
    """A gateway with the traffic's models before a mock upstream."""
    cpu = OTHER_CPU if pinned else None
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name, mock_upstream(cpu) as upstream:
        folder = Path(name)
        installation = Installation(folder / "ours", soak_catalog(upstream))
        with installation.serve(cpu=GATEWAY_CPU if pinned else None) as target:
            yield target, installation, upstream, folder, cpu


def tell(found: Soak) -> dict[str, Any]:
    """The run as it is printed and kept."""
    slope = found.slope()
    return {
        "minutes": round(found.seconds / 60, 1),
        "requests": found.requests,
        "clients that left": found.cancelled,
        "catalog edits": found.edits,
        "requests that went wrong": found.wrong,
        "before": found.before._asdict(),
        "after": found.after._asdict(),
        "records dropped": found.records_dropped,
        "MiB per 10⁵ requests": round(slope.slope, 4),
        "±": round(slope.margin, 4),
        "samples": found.samples,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--strength", type=float, default=1.0, help="multiplies the rates (%(default)s: 1,400 requests a second)")
    parser.add_argument("--no-page", action="store_true", help="leave docs/ as it is")
    options = parser.parse_args()
    with measured() as (target, installation, upstream, folder, cpu):
        found = soak(target, installation, upstream, folder, options.minutes * 60, cpu, strength=options.strength)
    told = tell(found)
    for name, value in told.items():
        if name != "samples":
            print(f"{name:28}{value}")
    if not options.no_page:
        results.save("soak", told)
        points = [(done / 1e5, mib) for done, mib in found.samples]
        title = f"Anonymous memory: {told['MiB per 10⁵ requests']:+.3f} ± {told['±']:.3f} MiB per 10⁵ requests"
        svg = graph(points, found.slope(), title=title, x_name="requests, 10⁵", y_name="MiB")
        (ROOT / "docs" / "soak.svg").write_text(svg)
        report.write()
    if faults := found.faults():
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
