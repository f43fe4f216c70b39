"""What does the gateway cost? Everything that docs/performance.md shows, measured side by side with other gateways.

`make bench`, or `python -m bench.run`: about 20 minutes. `--quick` takes three and changes no page, `--endpoints` measures the
endpoints beside chat instead. The gateway runs on the first CPU with one worker and everything on; mock upstream and load
generator on the last. Peers take part if they are there: `nginx` of the system, others by their options. Nothing is asserted:
figures depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import endpoints, gateways, report, results, suites
from bench.gateways import Installation, Peer, Target
from bench.processes import CPUS, GATEWAY_CPU, OTHER_CPU, awake, mock_upstream
from bench.suites import Bench

RATES = (500, 200)
Found = dict[str, dict[str, list[float]]]
"""Target → figure → its value in each round."""


def keep(found: Found, target: str, figures: Mapping[str, float]) -> None:
    for name, value in figures.items():
        found[target][name].append(round(value, 4))
    print(f"{target:10}" + "  ".join(f"{name} {value:.4g}" for name, value in figures.items()), flush=True)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def peers(options: argparse.Namespace, upstream: int) -> Iterator[tuple[Peer, int]]:
    """Those that are there, with their ports."""
    makers: list[Callable[[int], Peer]] = []
    if binary := shutil.which(options.nginx):
        makers.append(lambda port: gateways.nginx(binary, upstream, port))
    if options.litellm:
        makers.append(lambda port: gateways.litellm(options.litellm.absolute(), upstream, port))
    if options.portkey:
        makers.append(lambda port: gateways.portkey(options.portkey.absolute(), upstream, port))
    for make in makers:
        port = free_port()
        yield make(port), port


def side_by_side(bench: Bench, targets: list[Target], rounds: int, found: Found) -> None:
    """All targets in turn, round after round, so that what disturbs the machine falls on all alike."""
    for target in targets:
        target.pause()
    for turn in range(rounds):
        for target in targets if turn % 2 == 0 else targets[::-1]:
            target.resume()
            measure(bench, target, found)
            target.pause()
    for target in targets:
        target.resume()


def measure(bench: Bench, target: Target, found: Found) -> None:
    """One round of one target. A rate that it cannot hold is left out."""
    figures = suites.saturate(bench, target)
    keep(found, target.name, figures)
    for rate in RATES:
        if figures["requests/s"] > 1.5 * rate:
            keep(found, target.name, suites.latency(bench, target, rate))
    if figures["requests/s"] > 100:
        keep(found, target.name, suites.first_byte(bench, target))
    keep(found, target.name, suites.burst(bench, target))


@contextmanager
def running(bench: Bench, options: argparse.Namespace) -> Iterator[list[Target]]:
    """Ours and the peers, each ready and paused. A peer that does not start is left out."""
    with ExitStack() as stack:
        installation = Installation(bench.folder / "ours", gateways.catalog(bench.upstream))
        targets = [stack.enter_context(installation.serve())]
        targets[0].pause()
        for peer, port in peers(options, bench.upstream):
            try:
                target = stack.enter_context(gateways.serve_peer(peer, bench.folder / peer.name, port))
            except TimeoutError as error:
                print(error, file=sys.stderr)
                continue
            suites.warm_up(bench, target)
            target.pause()
            targets.append(target)
        yield targets


def failing_catalog(bench: Bench, dead: int, models: int) -> str:
    """Models whose first route fails, by a closed port or with 503, and whose second one is good."""
    text = gateways.catalog(bench.upstream)
    text += f'[providers.dead]\ntype = "openai_compatible"\napi_base = "http://127.0.0.1:{dead}/v1"\n'
    for number in range(models):
        text += gateways.model_block(f"closed-{number:08}", [("dead", "x"), ("mock", "instant")])
        text += gateways.model_block(f"503-{number:08}", [("mock", "status-503"), ("mock", "instant")])
    return text


def failures(bench: Bench, rounds: int, models: int, found: Found) -> None:
    """Fail-over and disconnects; five rounds at most, since the sixth failure of a target in a row is not tried."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        installation = Installation(bench.folder / "failing", failing_catalog(bench, closed.getsockname()[1], models))
        with installation.serve() as target:
            suites.saturate(bench, target)
            for _ in range(min(rounds, 5)):
                for kind in ("closed", "503"):
                    keep(found, "ours", suites.fail_over(bench, target, kind, models))
            for _ in range(rounds):
                keep(found, "ours", suites.disconnect(bench, target, models))


def beside_admin(bench: Bench, rounds: int, found: Found) -> None:
    """What a page that is reloaded all the time costs requests, in one process and in two on the same CPU."""
    installation = Installation(bench.folder / "admin", gateways.catalog(bench.upstream))
    for _ in range(rounds):
        with installation.serve("--role", "all") as both:
            suites.saturate(bench, both)
            keep(found, "ours", suites.beside_admin(bench, both, None, "no admin"))
            keep(found, "ours", suites.beside_admin(bench, both, both, "admin in the same process"))
        with installation.serve("--role", "data") as data, installation.serve("--role", "control", name="control") as control:
            suites.saturate(bench, data)
            keep(found, "ours", suites.beside_admin(bench, data, control, "admin in its own process"))


def beside_chat(bench: Bench, rounds: int, found: Found) -> None:
    """The other endpoints."""
    with endpoints.installed(bench).serve() as target:
        suites.warm_up(bench, target)
        for _ in range(rounds):
            keep(found, "ours", endpoints.measure(bench, target))


def everything(options: argparse.Namespace) -> Found:
    """All measurements in order."""
    found: Found = defaultdict(lambda: defaultdict(list))
    rounds, seconds = (1, 2.0) if options.quick else (options.rounds, options.seconds)
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, mock_upstream() as upstream, awake():
        bench = Bench(upstream, Path(folder), seconds)
        if options.endpoints:
            beside_chat(bench, rounds, found)
            return found
        keep(found, "direct", suites.saturate(bench, bench.direct))
        with running(bench, options) as targets:
            side_by_side(bench, targets, rounds, found)
            ours = targets[0]
            for _ in range(rounds):
                keep(found, "ours", suites.many_streams(bench, ours))
        with Installation(bench.folder / "memory", gateways.catalog(upstream)).serve() as fresh:
            keep(found, "ours", suites.memory_growth(bench, fresh, 16_000 if options.quick else 480_000))
        failures(bench, rounds, 100 if options.quick else 500, found)
        beside_admin(bench, min(rounds, 3), found)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round; the page stays as it is")
    parser.add_argument("--endpoints", action="store_true", help="only the endpoints beside chat")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each measurement (%(default)s)")
    parser.add_argument("--nginx", default="nginx", help="its program (%(default)s)")
    parser.add_argument("--litellm", type=Path, help="virtual environment with litellm[proxy]")
    parser.add_argument("--portkey", type=Path, help="program of Portkey's gateway")
    options = parser.parse_args()
    if len(CPUS) < 2:
        print(
            f"With one CPU the load generator takes its share of it: requests/s mean little (CPU {GATEWAY_CPU}).", file=sys.stderr
        )
    os.sched_setaffinity(0, {OTHER_CPU})
    found = everything(options)
    if not options.quick:
        name = "endpoints" if options.endpoints else "bench"
        results.save(name, {"rounds": options.rounds, "seconds": options.seconds, "figures": found})
        report.write()


if __name__ == "__main__":
    main()
