"""What does an answer from the cache cost? Processor time of a request, µs: a hit in memory, in Redis, as a stream, and a miss.

`python -m bench.cached [--seconds 5] [--redis URL]` prints a table. The worker's own time is told beside that of all its
processes, of which the recorder is one. The first line is a request that does not use the cache.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.gateways import CHAT, Installation, Target, body_file, catalog, model_block
from bench.processes import OTHER_CPU, awake, cpu_seconds, mock_upstream, own_cpu_seconds, run_load
from bench.suites import Bench, failures, warm_up

CONNECTIONS = 64
CASES: Mapping[str, tuple[str, bool]] = {
    "not cached": ("instant", False),
    "hit": ("kept", False),
    "hit, stream of 20 events": ("kept-stream", True),
    "miss and kept": ("missed", False),
    "not cached, stream of 20 events": ("plain-stream", True),
}
"""What is asked for: the model, and whether as a stream."""
STREAM = "chunks-20"
UPSTREAM = {"kept": "instant", "kept-stream": STREAM, "missed": "instant"}
CACHED = 'cache = { enabled = "on" }\n'


def models(port: int) -> str:
    """Models that the cache is on for, beside the usual ones."""
    blocks = [model_block(name, [("mock", upstream)], CACHED) for name, upstream in UPSTREAM.items()]
    return catalog(port) + "".join(blocks) + model_block("plain-stream", [("mock", STREAM)])


def request(folder: Path, name: str, *, stream: bool) -> Path:
    """The request of `body_file`, the same each time but where the cache is to be missed."""
    path = body_file(folder, name, stream=stream)
    if name != "missed":
        path.write_text(json.dumps({**json.loads(path.read_text()), "user": "bench"}, ensure_ascii=False))
    return path


def measured(bench: Bench, target: Target, name: str, *, stream: bool) -> tuple[float, float, float]:
    """Requests a second, and µs of the worker and of all processes for each."""
    arguments = target.arguments(request(bench.folder, name, stream=stream), CHAT)
    run_load(["--requests", 50, "--connections", 1, *arguments])
    own, whole = own_cpu_seconds(target.pid), cpu_seconds(target.pid)
    report = bench.load("--connections", CONNECTIONS, *arguments)
    own, whole = own_cpu_seconds(target.pid) - own, cpu_seconds(target.pid) - whole
    found = report["targets"][0]
    if failures(report):
        print(f"{failures(report)} requests have failed")
    return found["per_s"], own * 1e6 / found["answered"], whole * 1e6 / found["answered"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--redis", metavar="URL", help="keep answers there, which are not deleted afterwards")
    options = parser.parse_args()
    variables = {"REDIS_URL": options.redis} if options.redis else {}
    print(f"{'':34}{'requests/s':>12}{'worker µs':>12}{'all µs':>10}")
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, mock_upstream(OTHER_CPU) as port, awake():
        bench = Bench(port, Path(folder), options.seconds)
        with Installation(bench.folder / "ours", models(port), **variables).serve() as target:
            warm_up(bench, target)
            for name, (model, stream) in CASES.items():
                rate, own, whole = measured(bench, target, model, stream=stream)
                print(f"{name:34}{rate:12,.0f}{own:12.0f}{whole:10.0f}")


if __name__ == "__main__":
    main()
